"""A process that is lost is said in one line, and what an engine refuses is refused."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from cellprune.bench import measure
from cellprune.bench.entry import Entry
from cellprune.errors import CellpruneError, WorkError
from cellprune.training.progress import unheard

ENTRY = Entry("cells", "onnx", "fp32", Path("a.onnx"))


class Here:
    """Does in this process what another one is asked for."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work, *given):
        done: Future = Future()
        done.set_result({"prepare": None, "once": 4.0, "peak": 7}[work.__name__])
        return done


def test_each_entry_is_asked_for_its_time_and_its_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "ProcessPoolExecutor", Here)
    monkeypatch.setattr("cellprune.structure.in_turn.perf_counter", iter(range(1000)).__next__)
    told: list[tuple[int, int]] = []
    rows, passes = measure.measure([ENTRY], (8, 8), 1, lambda *so_far: told.append(so_far))
    assert rows == [measure.Measured(ENTRY, 4.0, 7)]
    assert (passes, told) == (9, [(1, 1)])


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (BrokenProcessPool(), WorkError, "the process of cells, onnx fp32 was ended from outside, perhaps because"),
        (CellpruneError("this processor has no bf16"), CellpruneError, "this processor has no bf16"),
    ],
)
def test_what_ends_an_entry_ends_the_measuring(
    raised: Exception, kind: type, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(self, work, *given):
        done: Future = Future()
        done.set_exception(raised)
        return done

    monkeypatch.setattr(Here, "submit", submit)
    monkeypatch.setattr(measure, "ProcessPoolExecutor", Here)
    with pytest.raises(kind, match=said):
        measure.measure([ENTRY], (8, 8), 1, unheard)
