"""Whether the ratio is the method's merit, in words."""

from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched

from cellprune.search.tell.merit import merit
from cellprune.search.tell.page import write as draw

pytestmark = pytest.mark.usefixtures("undrawn")


def test_controls_are_told_in_words(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"controls": True, "margin": 0.04}))
    own = found.controls[0]
    assert own.own is not None
    assert own.own.p_value >= own.own.decision.p_value
    near = "flat-macs has 81 % of what the pruned network keeps: dense networks of whole channels come no nearer."
    assert near in merit(found).replace("\u00a0", " ")
    draw(tmp_path / "page.html", found)
    page = unescape((tmp_path / "page.html").read_text())
    assert merit(found) in page
    assert "the pruned network itself" in page
    told = merit(replace(found, controls_missing={"shuffle": "it has none", "flat-macs": "nobody knows"}))
    assert "There is no control shuffle: it has none. There is no control flat-macs: nobody knows." in told

    def said(**verdicts: str) -> str:
        against = [
            replace(control, name=name, pruned_is=verdict, does_as_well=verdict == "worse")
            for control, (name, verdict) in zip(found.controls, verdicts.items(), strict=False)
        ]
        return merit(replace(found, controls=tuple(against)))

    assert (
        said(random="better", flat="better")
        == "The pruned network is better than each of its controls, random and flat."
    )
    assert "random does as well as the pruned network or better, so the method is not" in said(random="worse")
    assert "better than random is undecided" in said(random="undecided", flat="better")
    assert said(random="undecided", flat="better").endswith("The pruned network is better than flat.")
