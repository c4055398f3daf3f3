"""Milliseconds of passes through networks, whatever runs them: measured in turn, so that what disturbs disturbs all.

On a CPU it is the time that this process worked, divided by its threads: a neighbour who takes the processor for a
while does not count. Of the passes the lower quartile is told, which a few slow ones do not move, nor one lucky one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from time import perf_counter, process_time

import numpy as np

from cellprune.lab.engine import Engine

Pass = Callable[[], object]
"""Runs a network once, on the input that it was made for."""

TimedPass = Callable[[], float]
"""Runs a network once and gives the milliseconds that it took, perhaps in another process."""


@dataclass(frozen=True)
class InTurn:
    """What passes took.

    Attributes:
        milliseconds: name -> lower quartile of its passes.
        passes: of each that count.
    """

    milliseconds: Mapping[str, float]
    passes: int


def in_turn(
    arms: Mapping[str, Pass], *, threads: int, on_cpu: bool = True, passes: int = 9, least_s: float = 0.5
) -> InTurn:
    """Time several networks in turn.

    Args:
        arms: name -> pass; it returns when the result is there.
        threads: that work at a pass.
        on_cpu: whether they do all of the work; else the clock on the wall is read.
        passes: of each that count, at least; one more comes first to warm up.
        least_s: seconds that all passes take together, at least: short ones are repeated more often.
    Example:
        >>> took = in_turn({"ten": lambda: sum(range(10)), "many": lambda: sum(range(100_000))}, threads=1, least_s=0)
        >>> took.passes, took.milliseconds["ten"] < took.milliseconds["many"]
        (9, True)
    """
    timed = {name: _timed(run, threads=threads, on_cpu=on_cpu) for name, run in arms.items()}
    return timed_in_turn(timed, passes=passes, least_s=least_s)


def engines_in_turn(engines: Mapping[str, Engine], size_px: tuple[int, int], *, passes: int = 9) -> InTurn:
    """Time engines that are in this process, on an image of this height and width, as the networks see it.

    Raises:
        CellpruneError: an engine does not take such an image.
    """
    timed = {name: pass_of_engine(engine, size_px) for name, engine in engines.items()}
    return timed_in_turn(timed, passes=passes, least_s=0)


def timed_in_turn(arms: Mapping[str, TimedPass], *, passes: int = 9, least_s: float = 0.5) -> InTurn:
    """Let passes that time themselves take turns; as `in_turn`."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    begin = perf_counter()
    for repeat in count():
        if repeat > passes and perf_counter() - begin > least_s:
            break
        for name, run in arms.items():
            took = run()
            if repeat > 0:
                times[name].append(took)
    return InTurn({name: float(np.quantile(took, 0.25)) for name, took in times.items()}, repeat - 1)


def pass_of_engine(engine: Engine, size_px: tuple[int, int]) -> TimedPass:
    """Make a pass of an engine, on an image of noise."""
    image = np.random.default_rng(0).standard_normal((1, engine.card.in_channels, *size_px), np.float32)
    running = engine.running
    return _timed(lambda: engine(image), threads=running.threads, on_cpu=running.device == "cpu")


def _timed(run: Pass, *, threads: int, on_cpu: bool) -> TimedPass:
    clock, workers = (process_time, threads) if on_cpu else (perf_counter, 1)

    def once() -> float:
        begin = clock()
        run()
        return 1000 * (clock() - begin) / workers

    return once
