"""The page of a search, and its pictures."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from simulated_searches import ASKED, FACTS, Rehearsal, searched

from cellprune.report.formatting import count
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.tell.answer import Compute
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.merit import merit
from cellprune.search.tell.page import costs
from cellprune.search.tell.page import write as draw
from cellprune.search.tell.scope import scope
from cellprune.search.tell.sentences import sentences

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
