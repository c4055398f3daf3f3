"""The answer as a value: what was shown by which look, and what a test says of itself."""

import numpy as np
import pytest

from cellprune.config.search import Search
from cellprune.evaluation.decide import decide
from cellprune.search.judge.trial import Table
from cellprune.search.look import Look
from cellprune.search.tell import answer
from cellprune.search.tell.answer import AnsweredLook, Claimed, Evidence, Limits, claimed_by


def limits(ratio: float, verdict: str = "not worse") -> Limits:
    return Limits(ratio, verdict, 0.0, -0.001, 0.001, 0.01)


def look(*tests: Limits, margin: float = 0.01, number: int = 1) -> AnsweredLook:
    return AnsweredLook(Look.begun(Search(margin=margin), number, (0.5,)), tests)


def test_a_look_has_shown_the_highest_ratio_that_passed() -> None:
    assert look(limits(0.5), limits(0.7), limits(0.9, "undecided")).ratio == 0.7
    assert look(limits(0.9, "worse")).ratio is None
    assert look().ratio is None


def test_the_highest_ratio_of_any_look_is_claimed_with_its_number() -> None:
    first, second = look(limits(0.7)), look(limits(0.5), number=2)
    assert claimed_by([first, second]) == Claimed(0.7, 1), "a later look takes nothing back"
    assert claimed_by([second, look(limits(0.8), number=2)]) == Claimed(0.8, 2)
    assert claimed_by([first, first]) == Claimed(0.7, 1), "of equal ones the first, which has the larger error"
    assert claimed_by([look(), look(limits(0.5, "worse"))]) is None


def test_what_was_shown_at_a_larger_margin_does_not_answer_the_last_question() -> None:
    lax, strict = look(limits(0.9), margin=0.02), look(limits(0.5), margin=0.01, number=2)
    assert claimed_by([lax, strict]) == Claimed(0.5, 2)
    assert claimed_by([lax, look(margin=0.01, number=2)]) is None
    assert claimed_by([strict]) == Claimed(0.5, 1)
    assert claimed_by([lax, strict, look(margin=0.005, number=3)]) is None, "the last question is the strictest"
    assert claimed_by([strict, look(margin=0.01, number=2)]) == Claimed(0.5, 1), "an equal margin does"


def table(differences: np.ndarray, **changed: object) -> Table:
    n_frames, n_seeds = differences.shape
    rows = tuple((0, f"01/{number:03d}") for number in range(n_frames))
    return Table(differences, rows, tuple(range(n_seeds)), changed.get("left_out", {}), changed.get("hopeless", ""))


def test_evidence_keeps_the_table_as_plain_values() -> None:
    evidence = Evidence.of_table(table(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), left_out={7: "NaN"}, hopeless="x"))
    assert (evidence.n_frames, evidence.n_seeds) == (2, 3)
    assert evidence.differences == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert evidence.rows == ("01/000", "01/001")
    assert evidence.left_out == {"7": "NaN"}, "as JSON has keys"
    assert evidence.hopeless == "x"
    assert type(evidence.differences[0][0]) is float


def test_a_table_of_nothing_is_evidence_of_nothing() -> None:
    evidence = Evidence.of_table(table(np.zeros((0, 0))))
    assert (evidence.n_frames, evidence.n_seeds, evidence.rows, evidence.differences) == (0, 0, (), ())


@pytest.mark.parametrize(("loss", "verdict"), [(0.0, "not worse"), (0.5, "worse"), (0.01, "undecided")])
def test_a_test_without_decision_is_undecided_and_else_says_what_was_decided(loss: float, verdict: str) -> None:
    differences = np.random.default_rng(0).normal(-loss, 0.002, (6, 4))
    evidence = Evidence.of_table(table(differences))
    decision = decide(differences, margin=0.01, alpha=0.05)
    assert answer.Tested(0.5, evidence, decision, None, None).verdict == verdict
    assert answer.Tested(0.5, evidence, None, None, None).verdict == "undecided"
