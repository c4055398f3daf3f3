"""Every error that is counted is one cell of one fault: a picture can mark no more and no less."""

from collections import Counter

import numpy as np
import pytest

from cellprune.evaluation.cells import judge
from cellprune.report.marked.faults import Fault, faults
from cellprune.report.marked.looks import LOOKS


def test_each_kind_of_error_names_its_cells() -> None:
    truth, found = np.zeros((2, 12, 40), np.int32)
    truth[2:8, 0:6], truth[2:8, 6:12] = 4, 2
    found[2:8, 0:12] = 9  # two in one
    truth[2:8, 14:20] = 7
    found[2:8, 14:17], found[2:8, 17:20] = 3, 1  # one in two
    truth[2:8, 22:28] = 5  # missed
    found[2:8, 30:34] = 8  # extra
    assert faults(judge(truth, found)) == [
        Fault("merged", (2, 4), (9,), 72),
        Fault("missed", (5,), (), 36),
        Fault("split", (7,), (1, 3), 36),
        Fault("extra", (), (8,), 24),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_marks_are_as_many_as_are_counted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = (rng.integers(0, 9, (12, 14)).repeat(2, axis=0).repeat(2, axis=1) for _ in range(2))
    judged = judge(truth, np.where(rng.random(truth.shape) < 0.9, truth * 2 // 3, found), ignored=found == 1)
    marks = Counter(dict.fromkeys(LOOKS, 0))
    for fault in faults(judged):
        marks[fault.error] += len(fault.marked)
    assert marks == {error: getattr(judged.count, error) for error in LOOKS}
    assert sum(marks.values()) > 0
