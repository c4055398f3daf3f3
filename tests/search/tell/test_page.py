"""The page of a search, and its pictures."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from simulated_searches import ASKED, FACTS, Rehearsal, searched

from cellprune.config.load import load
from cellprune.report.formatting import count, milliseconds
from cellprune.report.formatting import ratio as as_ratio
from cellprune.runs.layer_times import TimedIn
from cellprune.search.tell.answer import Compute, TimedOn
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.merit import merit
from cellprune.search.tell.page import costs
from cellprune.search.tell.page import write as draw
from cellprune.search.tell.scope import scope
from cellprune.search.tell.sentences import sentences
from cellprune.search.tell.words import words

pytestmark = pytest.mark.usefixtures("undrawn")


def test_the_picture_of_costs_names_what_was_found_and_leaves_out_what_flatters(tmp_path: Path) -> None:
    asked = ASKED.model_copy(update={"controls": True})
    whole = searched(tmp_path / "whole", Rehearsal(), asked)
    found, higher = whole.ratio, whole.confirmation[-1].ratio
    assert found < higher, "a higher one was tested, too"
    drawn = costs(whole)
    assert f">{as_ratio(found)}<" in drawn
    assert f">{as_ratio(higher)}<" not in drawn
    assert ">random<" in drawn
    lost = f"confirm random {found:g} seed 1001 fold 0"
    flattered = searched(tmp_path / "flattered", Rehearsal(hopeless=(lost,)), asked)
    assert ">random<" not in costs(flattered)
    sizes = (replace(network, parameters=16_000 if network.ratio else 122_000) for network in whole.networks)
    far_apart = costs(replace(whole, networks=tuple(sizes)))
    assert [tick for tick in (20_000, 50_000, 100_000) if f">{count(tick)}<" not in far_apart] == []
    draw(tmp_path / "page.html", flattered)
    assert merit(flattered).startswith("A training of random was hopeless, so nothing is decided about it.")
    page = (tmp_path / "page.html").read_text()
    assert "without 1 hopeless training, so its IoU looks better than it is" in page
    assert f"a ratio passes this screen if that is above −{ASKED.margin:g}." in page


def test_a_dense_family_is_told_in_its_own_words(tmp_path: Path) -> None:
    asked = ASKED.model_copy(update={"margin": 0.04})
    search = asked.model_copy(update={"unit": "latency"})
    flat = load(assignments=["pruning={method: flat, budget: latency=0.5}"])
    whole = searched(tmp_path / "search", Rehearsal(), asked)
    timed_in = TimedIn(engine="onnx", version="1.20", processor="a processor", threads=2)
    networks = tuple(
        replace(one, milliseconds=8 - 4 * one.ratio, time_ratio=0.5, layers_ms=6 - 3 * one.ratio, layers_ratio=0.25)
        for one in whole.networks
    )
    on = TimedOn("cpu", 2, "onnx", "1.20")
    found = replace(
        whole,
        question=search,
        settings=flat,
        words=words(flat, search),
        networks=networks,
        timed_in=timed_in,
        timed_on=on,
    )
    draw(tmp_path / "page.html", found)
    page, _, _ = unescape((tmp_path / "page.html").read_text()).replace("\u00a0", " ").partition("<details>")
    assert not re.search("pruned|removed", re.sub("<[^>]*>", " ", page))
    assert "what share of the milliseconds can be saved? · reference: the full-width network" in page
    assert "in onnx 1.20 on a processor, 2 threads" in page
    assert "measured in turn after the search, on" in page
    assert "(onnx 1.20, cpu) with 2 threads" in page
    assert f"<small>{milliseconds(6 - 3 * found.ratio)}</small>".replace("\u00a0", " ") in page
    assert "The search decides by the sum of its layers: " in sentences(found).found


def test_every_ending_is_told_and_drawn(tmp_path: Path) -> None:
    answer = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"margin": 0.006}))
    assert (answer.verdict, answer.ratio) == ("not shown", None)
    assert "would have passed" in conclusion(answer)
    wide = searched(tmp_path / "wide", Rehearsal(), ASKED.model_copy(update={"margin": 0.04}))
    assert wide.verdict == "found"
    assert wide.model is None, "nothing was trained in truth"
    assert "is gone or lacks its model" in sentences(wide).model
    folds = replace(wide, model="runs/it/model.safetensors", question=ASKED.model_copy(update={"cv": 5}))
    assert "one of fold 0, which did not learn from that fold's frames" in sentences(folds).model
    n = len(wide.confirmation) * 3 + 3 + 2 * (len(wide.search) + 1)
    assert wide.compute == Compute(n, 0, 0, pytest.approx(n), {FACTS.machine: n})  # type: ignore[arg-type]
    none = searched(tmp_path / "none", Rehearsal(), ASKED.model_copy(update={"low": 0.92}))
    assert none.verdict == "none found"
    assert not none.confirmation
    for found in (answer, wide, none):
        draw(tmp_path / "page.html", found)
        html = unescape((tmp_path / "page.html").read_text())
        assert re.sub(r"`(.+?)`", r"<code>\1</code>", scope(found)) in html
        assert (
            "near copies of each other, so scores on random held-out frames are too good: `--split sequence`"
            in scope(found)
        )
        assert "<script" not in html
        assert "http" not in html.replace("http-equiv", "")
