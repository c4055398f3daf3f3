"""What was found, or not, and the command that asks on."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, question, searched

from cellprune.evaluation.decide import Verdict
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.judge.grid import grid
from cellprune.search.question import Workspace
from cellprune.search.run import search_max_ratio
from cellprune.search.tell.answer import Answer
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.merit import merit
from cellprune.search.tell.page import write as draw

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_ratio_that_was_found_is_told_when_the_search_is_cut_later(tmp_path: Path) -> None:
    whole = Rehearsal()
    expected = searched(tmp_path / "whole", whole)
    controlled = ASKED.model_copy(update={"controls": True})
    cut = searched(tmp_path / "late", Rehearsal(), controlled, max_trials=whole.trained.total() + 1)
    assert (cut.verdict, cut.ratio) == ("found", expected.ratio)
    said = conclusion(cut)
    assert said.startswith(conclusion(expected))
    assert f"The controls are not complete: the search stopped after {whole.trained.total() + 1} trainings" in said
    early = searched(tmp_path / "early", Rehearsal(), max_trials=whole.trained.total() - 1)
    assert (early.verdict, early.ratio) == ("unfinished", expected.confirmation[-2].ratio)
    assert "So far: With " in conclusion(early)
    for found in (cut, early):
        draw(tmp_path / "page.html", found)
        answer = re.sub(r"`(.+?)`", r"<code>\1</code>", conclusion(found))
        assert answer in unescape((tmp_path / "page.html").read_text())


def test_not_shown_names_what_was_tested_and_the_command_that_asks_on(tmp_path: Path) -> None:
    output, typed = tmp_path / "search", ["cellprune", "search-max-ratio", "--high=0.97", "-o", "my search", "--resume"]

    def asked(**changes: float) -> Answer:
        search = ASKED.model_copy(update={"margin": 0.006, "controls": True, **changes})
        workspace = Workspace(runs=tmp_path / "runs", output=output, resume=True)
        return search_max_ratio(question(output, search), workspace, execute=Rehearsal()(), command=typed)

    found = asked()
    tested = found.confirmation[0].ratio
    lower = max(ratio for ratio in found.grid if ratio < tested)
    said = conclusion(found)
    assert said.startswith(
        f"Not shown. Only {as_ratio(tested)} of the weights was tested (6 frames, 3 seeds). The mean difference is "
    )
    on = f"`cellprune search-max-ratio -o 'my search' --high {lower:g} --resume` (a second test, with half the error)."
    assert said.endswith(f"To ask lower ratios: {on}")
    assert merit(found).startswith("No control was trained: ")
    draw(tmp_path / "page.html", found)
    page = unescape((tmp_path / "page.html").read_text())
    assert re.search(r"What it must beat</h2>\s*<p class=\"scope\">No control was trained", page)
    assert "<th><code>--controls</code></th><td>yes</td>" in page
    assert "<td>True<" not in page.partition("All settings of a training")[0]
    again = asked(high=lower)
    assert (again.look, again.alpha) == (2, pytest.approx(0.025))
    assert {claim.ratio for claim in again.confirmation} <= set(grid(ASKED.low, lower))


def test_what_would_help_is_said_with_its_command(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"margin": 0.006}))

    def said(verdict: Verdict = "undecided", **changes: object) -> str:
        (tested, *_) = found.confirmation
        assert tested.decision is not None
        decision = replace(tested.decision, verdict=verdict)
        return conclusion(replace(found, confirmation=(replace(tested, decision=decision, **changes),)))

    more = said(verdict="undecided", seeds_needed=7, seeds_needed_next_look=9)
    assert "7 seeds would have shown it in 4 of 5 searches. To ask with more seeds: `cellprune search-max-ratio" in more
    assert "--confirm-seeds 9 --resume` (a second test, with half the error)." in more
    assert "A second test, with half the error, takes more frames." in said(
        verdict="undecided", seeds_needed=7, seeds_needed_next_look=None
    )
    alike = said(verdict="undecided", seeds_needed=3, seeds_needed_next_look=4)
    assert "Random variation is not the reason. If pruning truly cost nothing, 3 seeds would show it in 4 of 5" in alike
    assert "it takes more frames, not more seeds. `--cv` counts" in said(verdict="undecided", seeds_needed=None)
    assert "seeds would" not in said(verdict="worse", seeds_needed=7, seeds_needed_next_look=9)
    lowest = said(ratio=0.292893)
    assert lowest.endswith("There is no lower ratio to ask for.")
    assert "--low 0.292893 --high 0.5 --resume` (a" in said(ratio=found.grid[0]), "below the range"


def test_other_ends_have_their_command(tmp_path: Path) -> None:
    none = searched(tmp_path / "none", Rehearsal(), ASKED.model_copy(update={"low": 0.92}))
    assert "To ask lower ratios: `cellprune search-max-ratio ... --low 0.823223 --resume`." in conclusion(none)
    top = searched(tmp_path / "top", Rehearsal(), ASKED.model_copy(update={"high": 0.83, "margin": 0.04}))
    assert "To ask higher ratios: `cellprune search-max-ratio ... --high 0.9375 --resume` (a" in conclusion(top)
    cut = searched(tmp_path / "cut", Rehearsal(), max_trials=1)
    assert conclusion(cut).endswith("To go on: `cellprune search-max-ratio ... --resume`.")


def test_a_hopeless_lowest_ratio_is_told_as_that(tmp_path: Path) -> None:
    lost = tuple(f"search {ratio:g} seed {seed} fold 0" for ratio in grid(ASKED.low, ASKED.high) for seed in (0, 1))
    found = searched(tmp_path / "search", Rehearsal(hopeless=lost))
    assert found.verdict == "none found"
    assert "the search saw a hopeless training (far below). Nothing was tested" in conclusion(found)
