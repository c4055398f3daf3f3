"""Measures each arm in a process of its own, in turn: its time and its peak memory are then nobody else's."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from cellprune.bench import arm as process_of
from cellprune.bench.arm import Arm
from cellprune.errors import WorkError
from cellprune.machine.processes import deaf_to_interrupts, environment
from cellprune.structure.in_turn import timed_in_turn
from cellprune.training.progress import Tell

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """What an arm takes.

    Attributes:
        milliseconds: of one image.
        peak_bytes: the most memory of a process that loads the network and runs it, all libraries included; None where
            the system does not say it.
    """

    arm: Arm
    milliseconds: float
    peak_bytes: int | None


def measure(arms: Sequence[Arm], size_px: tuple[int, int], threads: int, tell: Tell) -> tuple[list[Measured], int]:
    """Measure arms.

    Args:
        size_px: height and width of the image, as the networks see it.
        threads: of each arm.
        tell: told of each arm that is ready.
    Returns:
        What each takes, and the passes of each that count.
    Raises:
        CellpruneError: an engine cannot run a network, or not on such an image.
        WorkError: the process of an arm was lost.
    """
    with ExitStack() as stack, environment(dict.fromkeys(_THREADS, str(threads))):
        ask: dict[str, Callable[[], float]] = {}
        peaks: dict[str, Callable[[], int | None]] = {}
        for done, arm in enumerate(arms):
            process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
            with deaf_to_interrupts():  # which is when its process begins
                begun = process.submit(process_of.prepare, arm, size_px)
            _result(begun, arm)
            ask[arm.name] = partial(_asked, process, arm, process_of.once)
            peaks[arm.name] = partial(_asked, process, arm, process_of.peak)
            tell(done + 1, len(arms))
        times = timed_in_turn(ask)
        rows = [Measured(arm, times.milliseconds[arm.name], peaks[arm.name]()) for arm in arms]
    return rows, times.passes


def _asked(process: ProcessPoolExecutor, arm: Arm, what: Callable[[], Result]) -> Result:
    return _result(process.submit(what), arm)


def _result(future: "Future[Result]", arm: Arm) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkError(
            f"the process of {arm.name} was ended from outside, perhaps because memory is short: give a smaller "
            "--size, or fewer networks"
        ) from error
