"""Milliseconds of passes through networks, whatever runs them: measured in turn, so that what disturbs disturbs all.

On a CPU it is the time that this process worked, divided by its threads: a neighbour who takes the processor for a
while does not count, not even one who falls in step with the turns. Of the passes the lower quartile is told, which a
few slow ones do not move, nor one lucky one. No torch is needed here: an engine without it is timed alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from time import perf_counter, process_time

import numpy as np

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
    networks: Mapping[str, Pass], *, threads: int, on_cpu: bool = True, passes: int = 9, least_s: float = 0.5
) -> InTurn:
    """Time several networks in turn.

    Args:
        networks: name -> pass; it returns when the result is there.
        threads: that work at a pass.
        on_cpu: whether they do all of the work; else the clock on the wall is read.
        passes: of each that count, at least; one more comes first to warm up.
        least_s: seconds that all passes take together, at least: short ones are repeated more often.
    Example:
        >>> took = in_turn({"ten": lambda: sum(range(10)), "many": lambda: sum(range(100_000))}, threads=1, least_s=0)
        >>> took.passes, took.milliseconds["ten"] < took.milliseconds["many"]
        (9, True)
    """
    timed = {name: timing_itself(run, threads=threads, on_cpu=on_cpu) for name, run in networks.items()}
    return timed_in_turn(timed, passes=passes, least_s=least_s)


def timed_in_turn(networks: Mapping[str, TimedPass], *, passes: int = 9, least_s: float = 0.5) -> InTurn:
    """Let passes that time themselves take turns; as `in_turn`."""
    times: dict[str, list[float]] = {name: [] for name in networks}
    begin = perf_counter()
    for repeat in count():
        if repeat > passes and perf_counter() - begin > least_s:
            break
        for name, run in networks.items():
            took = run()
            if repeat > 0:
                times[name].append(took)
    return InTurn({name: float(np.quantile(took, 0.25)) for name, took in times.items()}, repeat - 1)


def timing_itself(run: Pass, *, threads: int, on_cpu: bool) -> TimedPass:
    """Make a pass that times itself; the arguments are those of `in_turn`."""
    clock, workers = (process_time, threads) if on_cpu else (perf_counter, 1)

    def once() -> float:
        begin = clock()
        run()
        return 1000 * (clock() - begin) / workers

    return once
