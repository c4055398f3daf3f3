"""What a search says while it goes on: each kind of line, with its numbers."""

import numpy as np
import pytest

from cellprune.evaluation.decide import decide
from cellprune.search.judge.confirm import Claim
from cellprune.search.judge.propose import Probe
from cellprune.search.judge.trial import Table
from cellprune.search.tell import progress


def table(differences: np.ndarray, *, hopeless: str = "", left_out: dict[int, str] | None = None) -> Table:
    n_frames, n_seeds = differences.shape
    rows = tuple((0, str(number)) for number in range(n_frames))
    return Table(differences, rows, tuple(range(n_seeds)), left_out or {}, hopeless)


def plain(line: str) -> str:
    return line.replace("\u00a0", " ").replace("−", "-")


@pytest.mark.parametrize(("passes", "screened"), [(True, "passes the screen"), (False, "does not pass the screen")])
def test_a_probe_is_told_with_its_mean_and_the_margin(passes: bool, screened: str) -> None:
    probe = Probe(0.875, passes, -0.0123, 0.001, table(np.zeros((5, 3))))
    said = f"search, ratio 87.5 %: mean difference -0.0123, {screened} at a margin of 0.02"
    assert plain(progress.probe(probe, 0.02)) == said


def test_a_probe_without_a_mean_is_told_with_the_reason() -> None:
    hopeless = table(np.zeros((0, 0)), hopeless="far below", left_out={1: "hopeless: far below"})
    lost = table(np.zeros((0, 0)), left_out={1: "excluded: NaN", 2: "excluded: no memory"})
    start = "search, ratio 50 %: does not pass the screen"
    assert plain(progress.probe(Probe(0.5, False, None, None, hopeless), 0.01)) == f"{start} (far below)"
    assert plain(progress.probe(Probe(0.5, False, None, None, lost), 0.01)) == (
        f"{start} (excluded: NaN; excluded: no memory)"
    )


def test_a_claim_is_told_with_its_verdict_and_limits() -> None:
    differences = np.tile([[0.001], [-0.001]], (3, 4))
    decision = decide(differences, margin=0.01, alpha=0.05)
    said = plain(progress.claim(Claim(0.96875, decision, table(differences))))
    assert said.startswith("tested, ratio 96.88 %: not worse, mean difference ")
    assert said.endswith(f"limits {decision.lower:+.4f} and {decision.upper:+.4f}")


def test_a_claim_without_decision_says_what_is_missing() -> None:
    few = progress.claim(Claim(0.5, None, table(np.zeros((6, 2)))))
    assert plain(few) == "tested, ratio 50 %: undecided, only 6 frames and 2 seeds are left"
    hopeless = progress.claim(Claim(0.5, None, table(np.zeros((6, 2)), hopeless="nothing reaches the output")))
    assert plain(hopeless) == "tested, ratio 50 %: undecided, nothing reaches the output"


def test_the_first_test_round_is_not_spoken_of_and_a_later_one_is() -> None:
    assert progress.later_round(1, 0.05) == ""
    assert progress.later_round(2, 0.025).startswith("test round 2 on these held-out images: ")
    assert progress.later_round(3, 0.0125).endswith("an error of 0.0125")
