"""The network that was found is named with what it costs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched

from cellprune.config.load import load
from cellprune.search.tell.answer import TimedOn
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.found import found
from cellprune.search.tell.sentences import sentences
from cellprune.search.tell.words import act, ours, words

pytestmark = pytest.mark.usefixtures("undrawn")
MACS = ASKED.model_copy(update={"unit": "macs"})


def test_it_is_named_with_its_cost_and_its_time_where_that_was_measured(tmp_path: Path) -> None:
    answer = searched(tmp_path / "search", Rehearsal())
    assert answer.claimed is not None
    cost = "It has 1 of 1 (100 %) multiply-adds per image and 10 of 10 (100 %) parameters."
    assert found(answer).replace("\u00a0", " ") == f"The network that was found: prospr. {cost}"
    flat = load(assignments=["pruning={method: flat, budget: macs=0.5}"])
    timed = tuple(
        replace(one, milliseconds=20.0, time_ratio=1.0)
        if not one.ratio
        else replace(one, widths=(16, 16), macs=4, milliseconds=5.0, time_ratio=0.25)
        for one in answer.networks
    )
    timed = (replace(timed[0], macs=8), *timed[1:])
    dense = replace(answer, settings=flat, networks=timed, timed_on=TimedOn("cpu", 2), words=words(flat, MACS))
    told = found(dense).replace("\u00a0", " ")
    assert told.startswith("The network that was found: flat, width 16 at every level. It has 4 of 8 (50 %) multiply")
    assert told.endswith("One image takes 5.00 ms, and 20.0 ms in the full-width network (25 %; cpu, threads: 2).")
    assert (ours(flat), act(flat)) == ("flat", "a smaller network")
    said = conclusion(dense)
    assert "of the multiply-adds saved, the flat network loses less than 0.02 of IoU against the full-width one" in said
    ready = sentences(replace(dense, model="model.safetensors")).model
    assert not re.search("pruned|removed", said + told + ready)
    assert ready == "The smallest flat network that is not worse, ready to use"
    assert found(replace(answer, networks=())) == ""


def test_at_the_end_of_what_can_be_reached_the_answer_says_why(tmp_path: Path) -> None:
    low = ASKED.model_copy(update={"high": 0.83, "margin": 0.04})
    answer = searched(tmp_path / "search", Rehearsal(), low)
    ended = replace(answer, reachable=answer.grid, limit="the smallest network is there")
    assert "highest ratio that can be reached: the smallest network is there." in conclusion(ended)
    assert "To ask higher" not in conclusion(ended)
