"""Measures each entry in a process of its own, in turn: its time and its peak memory are then nobody else's."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from cellprune.bench import entry as process_of
from cellprune.bench.entry import Entry
from cellprune.errors import WorkError
from cellprune.machine.processes import deaf_to_interrupts, environment
from cellprune.structure.in_turn import timed_in_turn
from cellprune.training.progress import Tell

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """What an entry takes.

    Attributes:
        milliseconds: of one image.
        peak_bytes: the most memory of a process that loads the network and runs it, all libraries included; None where
            the system does not say it.
    """

    entry: Entry
    milliseconds: float
    peak_bytes: int | None


def measure(entries: Sequence[Entry], size_px: tuple[int, int], threads: int, tell: Tell) -> tuple[list[Measured], int]:
    """Measure entries.

    Args:
        size_px: height and width of the image, as the networks see it.
        threads: of each entry.
        tell: told of each entry that is ready.
    Returns:
        What each takes, and the passes of each that count.
    Raises:
        CellpruneError: an engine cannot run a network, or not on such an image.
        WorkError: the process of an entry was lost.
    """
    with ExitStack() as stack, environment(dict.fromkeys(_THREADS, str(threads))):
        ask: dict[str, Callable[[], float]] = {}
        peaks: dict[str, Callable[[], int | None]] = {}
        for done, entry in enumerate(entries):
            process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            with deaf_to_interrupts():  # which is when its process begins
                begun = process.submit(process_of.prepare, entry, size_px)
            _result(begun, entry)
            ask[entry.name] = partial(_asked, process, entry, process_of.once)
            peaks[entry.name] = partial(_asked, process, entry, process_of.peak)
            tell(done + 1, len(entries))
        times = timed_in_turn(ask)
        rows = [Measured(entry, times.milliseconds[entry.name], peaks[entry.name]()) for entry in entries]
    return rows, times.passes


def _asked(process: ProcessPoolExecutor, entry: Entry, what: Callable[[], Result]) -> Result:
    return _result(process.submit(what), entry)


def _result(future: "Future[Result]", entry: Entry) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkError(
            f"the process of {entry.name} was ended from outside, perhaps because memory is short: give a smaller "
            "--size, or fewer networks"
        ) from error
