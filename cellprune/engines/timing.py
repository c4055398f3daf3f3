"""Milliseconds of a network in an engine, measured: several in turn, so that what changes meanwhile meets all alike.

On a CPU the clock is the time of all threads of this process, divided by their number: what a neighbour takes of the
processor is not counted. Threads that wait for work by spinning are; with one thread there are none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

from cellprune.lab.engine import Engine

_FAST = 25  # percentile: what is slower met something else, and the very fastest may be a chance


@dataclass(frozen=True)
class Times:
    """What was measured.

    Attributes:
        milliseconds: name -> lower quartile of the passes that count.
        passes: how many of each count.
    """

    milliseconds: Mapping[str, float]
    passes: int


def milliseconds(
    engines: Mapping[str, Engine], size_px: tuple[int, int], *, passes: int = 10, least_s: float = 0.5
) -> Times:
    """Measure engines that are in this process, on one image.

    Args:
        engines: name -> engine.
        size_px: height and width of the image, as the network sees it.
        passes, least_s: as `in_turn` takes them.
    Raises:
        CellpruneError: an engine does not take an image of this size.
    """
    return in_turn({name: pass_of(engine, size_px) for name, engine in engines.items()}, passes=passes, least_s=least_s)


def in_turn(measure: Mapping[str, Callable[[], float]], *, passes: int = 10, least_s: float = 0.5) -> Times:
    """Call each in turn, again and again; the first call of each warms up and does not count.

    Args:
        measure: name -> what makes one pass and gives its milliseconds.
        passes: of each that count, at least.
        least_s: seconds that all of them take together, at least: short passes are repeated more often.
    """
    taken: dict[str, list[float]] = {name: [] for name in measure}
    for one in measure.values():
        one()
    begin, count = perf_counter(), 0
    while count < passes or perf_counter() - begin < least_s:
        for name, one in measure.items():
            taken[name].append(one())
        count += 1
    return Times({name: float(np.percentile(values, _FAST)) for name, values in taken.items()}, count)


def pass_of(engine: Engine, size_px: tuple[int, int]) -> Callable[[], float]:
    """Give what runs an engine once on an image of noise, and says how many milliseconds that took."""
    image = np.random.default_rng(0).standard_normal((1, engine.card.in_channels, *size_px), np.float32)
    on_cpu = engine.running.device == "cpu"
    clock, threads = (process_time, engine.running.threads) if on_cpu else (perf_counter, 1)

    def once() -> float:
        begin = clock()
        engine(image)
        return 1000 * (clock() - begin) / threads

    return once
