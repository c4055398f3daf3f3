"""The story of a search: cut at every point and continued, the same answer, and no trial twice."""

from pathlib import Path

import pytest
from simulated_searches import SMALL, Cut, Rehearsal, lasting, searched

from cellprune.search.journal import Journal
from cellprune.search.tell.conclusion import conclusion

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_search_that_is_cut_anywhere_gives_the_same_answer_and_trains_nothing_twice(tmp_path: Path) -> None:
    whole = Rehearsal()
    expected = lasting(searched(tmp_path / "whole", whole, SMALL))
    assert set(whole.trained.values()) == {1}
    for n in range(whole.trained.total()):
        output, first, second = tmp_path / f"cut {n}", Rehearsal(dies_after=n), Rehearsal()
        with pytest.raises(Cut):
            searched(output, first, SMALL)
        assert lasting(searched(output, second, SMALL)) == expected
        assert first.trained + second.trained == whole.trained


@pytest.mark.slow
def test_a_search_that_is_cut_at_any_write_of_the_journal_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Rehearsal()
    expected = lasting(searched(tmp_path / "whole", whole, SMALL))
    write = Journal._write
    n_writes = whole.trained.total() + 2  # the question, every outcome, the proposal
    for n in range(n_writes):
        left = [n]

        def dies(journal: Journal, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            write(journal)

        output = tmp_path / f"cut {n}"
        monkeypatch.setattr(Journal, "_write", dies)
        first, second = Rehearsal(), Rehearsal()
        with pytest.raises(Cut):
            searched(output, first, SMALL)
        monkeypatch.setattr(Journal, "_write", write)
        assert lasting(searched(output, second, SMALL)) == expected
        twice = {key: n for key, n in (first.trained + second.trained).items() if n > 1}
        assert len(twice) <= 1, "the one whose end was not written; its run folder is finished, so it is only read"


def test_a_finished_search_trains_nothing_and_writes_its_page_again(tmp_path: Path) -> None:
    output = tmp_path / "search"
    expected = lasting(searched(output, Rehearsal()))
    (output / "search.html").unlink()
    again = Rehearsal()
    assert lasting(searched(output, again)) == expected
    assert not again.trained
    assert {path.name for path in output.iterdir()} == {"journal.json", "search.json", "search.html"}


def test_limits_stop_and_a_later_call_goes_on(tmp_path: Path) -> None:
    output, first, second = tmp_path / "search", Rehearsal(), Rehearsal()
    cut = searched(output, first, max_trials=5)
    assert (cut.verdict, first.trained.total()) == ("unfinished", 5)
    assert searched(tmp_path / "one", Rehearsal(), max_trials=1).stopped.startswith("stopped after 1 training and ")
    assert "after 5 trainings" in conclusion(cut)
    assert searched(output, Rehearsal(), max_hours=1e-9).verdict == "unfinished"
    found = searched(output, second)
    assert not first.trained & second.trained
    assert lasting(found) == lasting(searched(tmp_path / "whole", Rehearsal()))
