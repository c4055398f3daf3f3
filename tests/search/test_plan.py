"""The plan of a search: counted and timed before its first training, and told in lines."""

import json
from pathlib import Path

import pytest
from simulated_searches import Rehearsal, planned_in, searched

from cellprune.search.tell import planned

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_plan_counts_what_is_left_and_how_long_it_takes(tmp_path: Path) -> None:
    searched(tmp_path / "search", Rehearsal(), max_trials=5)
    found = planned_in(tmp_path, lambda: 60.0)
    assert (found.known.done, found.count.most, found.at_most, found.expected) == (5, 26, 21, 17)
    assert (found.seconds_at_most, found.seconds_expected) == (21 * 60 / 2, 17 * 60 / 2)
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["trainings"] == {
        "search_at_most": 14, "confirmation_at_most": 12, "controls": 0,
        "done": 5, "there_already": 0, "expected": 17, "at_most": 21,
    }  # fmt: skip
    assert {"held_out": 6, "chosen_on": 4, "images": "frames", "look": 1}.items() <= plain.items()
    assert plain["seconds_at_most"] == 630
    lines = "\n".join(planned.lines(found)).replace("\u00a0", " ")
    assert "frames that the truth policy drops: 01/007: no gold mask" in lines
    left = "trainings: 5 are done, about 17, at most 21 more (in all: search 14, confirmation 12, controls 0)"
    assert left in lines
    assert "time: about 8 min 30 s, at most 10 min 30 s; one training takes 1 min 0 s, judged by one epoch; " in lines


def test_a_finished_search_is_not_timed_and_another_question_opens_the_next_test_round(tmp_path: Path) -> None:
    searched(tmp_path / "search", Rehearsal())

    def refused() -> float:
        raise AssertionError("nothing is left to time")

    done = planned_in(tmp_path, refused)
    assert (done.at_most, done.seconds_at_most) == (0, 0)
    (line,) = planned.lines(done)
    assert line.endswith(f"none is left to train: the search in {tmp_path / 'search'} is at its end")
    again = planned_in(tmp_path, lambda: 1.0, margin=0.015)
    assert (again.known.look, again.alpha) == (2, pytest.approx(0.025))
    assert any(line.startswith("test round 2 on these held-out images") for line in planned.lines(again))
