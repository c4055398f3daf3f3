"""Is what was exported still the same network? Class maps of both, pixel by pixel, and what that does to the IoU."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation import iou
from cellprune.lab.engine import Engine, Floats, Precision
from cellprune.lab.segment import class_map
from cellprune.targets.kinds import Classes

LIMITS_PPM: dict[Precision, float] = {"fp32": 10, "bf16": 1000, "int8": 5000}
LIMIT_IOU = 0.005  # of int8, which may move many pixels that no truth tells apart


@dataclass(frozen=True)
class Example:
    """An image to compare on.

    Attributes:
        image: (C, H, W) float32, native.
        truth: (H, W) uint8, an index into the model's classes, 255 where unknown; None where nobody knows it.
    """

    image: Floats
    truth: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Parity:
    """How far an engine's classes are from torch's.

    Attributes:
        n_pixels: compared, at native size.
        n_differing: of them, of another class.
        iou_difference: the largest of any image, where truth is known; None elsewhere.
    """

    engine: str
    precision: Precision
    n_pixels: int
    n_differing: int
    iou_difference: float | None

    @property
    def ppm(self) -> float:
        """Pixels of another class in a million."""
        return 1e6 * self.n_differing / self.n_pixels

    @property
    def fault(self) -> str | None:
        """Say what is beyond the limit of this precision; None where nothing is."""
        limit = LIMITS_PPM[self.precision]
        # of few pixels one is more than the limit, and may lie on the edge between two classes by chance
        if self.n_differing > max(1, limit * self.n_pixels / 1e6):
            return f"{self.ppm:,.0f} of a million pixels have another class than in torch; {limit:,.0f} are allowed"
        if self.precision == "int8" and (self.iou_difference or 0) > LIMIT_IOU:
            return f"the IoU of an image is {self.iou_difference:.4f} from that in torch; {LIMIT_IOU} is allowed"
        return None


def reference(engine: Engine, examples: Sequence[Example]) -> list[Classes]:
    """Give the class maps that others are compared with."""
    return [class_map(engine, example.image) for example in examples]


def parity(engine: Engine, examples: Sequence[Example], expected: Sequence[Classes]) -> Parity:
    """Compare an engine's class maps with those of another.

    Args:
        engine: to be judged.
        examples: at least one.
        expected: as `reference` gives them.
    """
    maps = reference(engine, examples)
    pairs = list(zip(maps, expected, strict=True))
    classes = engine.card.classes
    changes = [
        abs(one - other)
        for example, (ours, theirs) in zip(examples, pairs, strict=True)
        if (one := _iou(ours, example, classes)) is not None and (other := _iou(theirs, example, classes)) is not None
    ]
    return Parity(
        engine.running.engine,
        engine.running.precision,
        sum(ours.size for ours, _ in pairs),
        sum(int((ours != theirs).sum()) for ours, theirs in pairs),
        max(changes, default=None),
    )


def _iou(classes: Classes, example: Example, names: Sequence[str]) -> float | None:
    if example.truth is None:
        return None
    return iou.class_mean(iou.counts(classes, example.truth, names))
