"""The trainings of a search: crashes, references that fail or learn nothing, and hopeless trials."""

import json
from pathlib import Path

import pytest
from simulated_searches import ASKED, FACTS, Rehearsal, searched, trial_of

from cellprune.campaign.floor import Floor
from cellprune.errors import WorkError
from cellprune.search.opening import JOURNAL, RESULT
from cellprune.search.tell.answer import Compute
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.page import write as draw

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_trial_that_crashes_is_tried_once_more_then_left_out_in_the_open(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Rehearsal())
    lost = f"confirm {expected.confirmation[0].ratio:g} seed 1001 fold 0"
    asked = ASKED.model_copy(update={"confirm_seeds": 4})
    once = Rehearsal(crashes={lost: ["out of memory"]})
    found = searched(tmp_path / "once", once, asked)
    assert once.trained[lost] == 2
    assert not found.confirmation[0].evidence.left_out
    assert found.crashes == {lost: ("out of memory",)}
    twice = Rehearsal(crashes={lost: ["NaN", "NaN again"]})
    found = searched(tmp_path / "twice", twice, asked)
    assert twice.trained[lost] == 2
    assert found.confirmation[0].evidence.left_out == {"1001": "excluded: NaN again"}
    assert found.confirmation[0].evidence.n_seeds == 3
    draw(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    assert "NaN again" in page
    n = twice.trained.total() - 1
    assert found.compute == Compute(n, 0, 2, pytest.approx(n + 1), {FACTS.machine: n - 1})  # type: ignore[arg-type]
    assert "; with 2 that crashed" in page
    assert f"{FACTS.machine}: {n - 1} trainings" in page


def test_a_reference_that_fails_ends_the_search(tmp_path: Path) -> None:
    lost = "search 0 seed 1 fold 0"
    rehearsal = Rehearsal(crashes={lost: ["the loss became nan", "the loss became nan"]})
    with pytest.raises(WorkError, match=r"reference failed \(search, reference, seed 1: the loss became nan\)"):
        searched(tmp_path / "search", rehearsal)
    assert rehearsal.trained == {"search 0 seed 0 fold 0": 1, lost: 2}
    content = json.loads((tmp_path / "search" / JOURNAL).read_text())
    assert content["trials"].keys() == {"search 0 seed 0 fold 0"}, "a passing cause does not block the journal"
    assert searched(tmp_path / "search", again := Rehearsal()).verdict == "found"
    assert again.trained[lost] == 1


def test_a_reference_that_learned_nothing_ends_the_search_before_anything_is_compared_with_it(tmp_path: Path) -> None:
    blind = Rehearsal(nothing=("search 0 seed 1 fold 0",))
    said = r"learned nothing \(search, reference, seed 1: its IoU of cell is 0\), .* train longer \(--epochs\)"
    for rehearsal, n in ((blind, 2), (Rehearsal(), 0)):  # and again, without a training
        with pytest.raises(WorkError, match=said):
            searched(tmp_path / "search", rehearsal)
        assert rehearsal.trained.total() == n
    assert not (tmp_path / "search" / RESULT).exists()
    late = Rehearsal(nothing=("confirm 0 seed 1002 fold 0",))
    with pytest.raises(WorkError, match=r"learned nothing \(confirmation, reference, seed 1002: "):
        searched(tmp_path / "late", late)
    pruned = Rehearsal(nothing=("search 0.823223 seed 0 fold 0", "search 0.875 seed 0 fold 0"))
    assert searched(tmp_path / "pruned", pruned).verdict == "found", "of a pruned network its score tells enough"


def test_crashes_alone_are_no_evidence_and_a_resumed_search_tries_them_again(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Rehearsal())
    first = expected.search[0].ratio
    lost = {f"search {first:g} seed {seed} fold 0": ["no memory"] * 2 for seed in (0, 1)}
    with pytest.raises(WorkError, match=rf"every network with a ratio of {first:g} failed \(excluded: no memory\)"):
        searched(tmp_path / "search", Rehearsal(crashes=lost))
    again = Rehearsal()
    found = searched(tmp_path / "search", again)
    assert {key: again.trained[key] for key in lost} == dict.fromkeys(lost, 1)
    assert found.confirmation == expected.confirmation
    assert found.crashes == dict.fromkeys(lost, ("no memory",) * 2)

    lowest = expected.confirmation[0].ratio
    lost = {f"confirm {lowest:g} seed {1000 + seed} fold 0": ["no memory"] * 2 for seed in range(3)}
    with pytest.raises(WorkError, match=f"ratio of {lowest:g} failed"):
        searched(tmp_path / "late", Rehearsal(crashes=lost))
    assert searched(tmp_path / "late", Rehearsal()).confirmation == expected.confirmation


def test_hopeless_trials_are_compared_with_their_own_reference(tmp_path: Path) -> None:
    rehearsal = Rehearsal()
    searched(tmp_path / "search", rehearsal)
    for job in rehearsal.jobs.values():
        pruned_in_search = trial_of(job).phase == "search" and trial_of(job).ratio > 0
        floor = Floor({1: 0.9}, pytest.approx(10 * ASKED.margin), "its reference")  # type: ignore[arg-type]
        assert job.floor == (floor if pruned_in_search else None)


def test_a_search_by_cells_stops_no_training_by_its_pixels_and_names_its_score(tmp_path: Path) -> None:
    asked, rehearsal = ASKED.model_copy(update={"score": "seg", "margin": 0.04}), Rehearsal()
    found = searched(tmp_path / "search", rehearsal, asked)
    assert {(job.floor, job.score) for job in rehearsal.jobs.values()} == {(None, "seg")}
    assert "loses less than 0.04 of SEG against the unpruned one" in conclusion(found)
    written = json.loads((tmp_path / "search" / RESULT).read_text())
    assert (written["question"]["score"], written["words"]["measure"]) == ("seg", "SEG")
    draw(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    assert "not worse by 0.04 SEG or more" in page
    assert "<h2>SEG against ratio</h2>" in page
    assert "IoU" not in page
