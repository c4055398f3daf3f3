"""Milliseconds of engines, on an image of noise."""

from collections.abc import Mapping

import numpy as np

from cellprune.lab.engine import Engine
from cellprune.structure.in_turn import InTurn, TimedPass, timed_in_turn, timing_itself


def engines_in_turn(engines: Mapping[str, Engine], size_px: tuple[int, int], *, passes: int = 9) -> InTurn:
    """Time engines that are in this process, on an image of this height and width, as the networks see it.

    Raises:
        CellpruneError: an engine does not take such an image.
    """
    timed = {name: pass_of_engine(engine, size_px) for name, engine in engines.items()}
    return timed_in_turn(timed, passes=passes, least_s=0)


def pass_of_engine(engine: Engine, size_px: tuple[int, int]) -> TimedPass:
    """Make a pass of an engine, on an image of noise."""
    image = np.random.default_rng(0).standard_normal((1, engine.card.in_channels, *size_px), np.float32)
    running = engine.running
    return timing_itself(lambda: engine(image), threads=running.threads, on_cpu=running.device == "cpu")
