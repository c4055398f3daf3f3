"""Looks: which question goes on, which opens another look, and which needs another search."""

from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched, trial_of

from cellprune.errors import CellpruneError, WorkError
from cellprune.search.opening import JOURNAL
from cellprune.search.tell.page import write as draw
from cellprune.search.tell.scope import scope

pytestmark = pytest.mark.usefixtures("undrawn")


def test_another_question_opens_the_search_again_and_a_second_look_has_half_the_error(tmp_path: Path) -> None:
    output, first, second = tmp_path / "search", Rehearsal(), Rehearsal()
    before = searched(output, first)
    assert before.look == 1
    found = searched(output, second, ASKED.model_copy(update={"margin": 0.015, "seeds": 3, "high": 0.99}))
    assert (found.look, found.alpha) == (2, pytest.approx(0.025))
    confirmed = {trial_of(job).seed for job in second.jobs.values() if trial_of(job).phase == "confirm"}
    assert confirmed == {2000, 2001, 2002}, "fresh seeds"
    assert not first.trained & second.trained
    assert [look.look.question.margin for look in found.looks] == [0.02, 0.015]
    assert "test round 2" in scope(found)
    assert "false with a probability of 0.075 at most" in scope(found), "both looks together"
    assert found.looks[0] == before.looks[0], "what look 1 found is not taken back"
    assert found.looks[0].ratio == before.ratio is not None
    lower = [claim.decision.lower for claim in before.confirmation if claim.decision]
    assert [tested.lower for tested in found.looks[0].tested] == lower
    draw(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    for look in found.looks:
        assert f"at an error of {look.look.alpha:g}, frozen {look.look.frozen}: " in page
    assert f"{lower[0]:+.4f}".replace("-", "−") in page


def test_before_the_confirmation_a_new_question_is_no_second_look(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal(), max_trials=3)
    found = searched(output, Rehearsal(), ASKED.model_copy(update={"margin": 0.015}))
    assert (found.look, len(found.looks)) == (1, 1)
    assert [earlier.margin for earlier in found.looks[0].look.asked_before] == [0.02]
    draw(tmp_path / "page.html", found)
    assert "asked with margin 0.02 before anything was proposed, frozen" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"margin": 0.03}, "margin: 0.02 -> 0.03"), ({"seeds": 1}, "seeds: 2 -> 1"), ({"low": 0.7}, "low: 0.6 -> 0.7")],
)
def test_a_laxer_question_needs_another_search(tmp_path: Path, change: dict, said: str) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal())
    before = (output / JOURNAL).read_bytes()
    with pytest.raises(CellpruneError, match=said):
        searched(output, Rehearsal(), ASKED.model_copy(update=change))
    assert (output / JOURNAL).read_bytes() == before


def test_a_second_look_does_not_fall_over_the_crashes_of_the_first(tmp_path: Path) -> None:
    lowest = searched(tmp_path / "whole", Rehearsal()).confirmation[0].ratio
    lost = {f"confirm {lowest:g} seed {1000 + seed} fold 0": ["no memory"] * 2 for seed in range(3)}
    with pytest.raises(WorkError, match=f"ratio of {lowest:g} failed"):
        searched(tmp_path / "search", Rehearsal(crashes=lost))
    found = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"margin": 0.015}))
    assert (found.look, found.verdict) == (2, "found")
    assert found.looks[0].tested == ()
