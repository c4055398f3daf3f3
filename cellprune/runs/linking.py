"""The numbers by which cells are linked through time, as the model card holds them."""

from dataclasses import dataclass
from math import isfinite

MOST_FRAMES = 10_000  # in which a cell may be missed


@dataclass(frozen=True)
class Linking:
    """How cells of a time-lapse are linked; as written here where nobody chose other numbers.

    Attributes:
        max_distance_px: that a cell moves at most from one frame to the next, in native pixels of the training images;
            None: what the cells say, see `lab.linking.usual_distance_px`.
        max_gap: frames in a row in which a cell may be missed.
        overlap: what it costs to share no pixel, where moving as far as a cell may costs 1.
        off_middle: part of that way between a mother and the middle of its daughters, at most; 0: no divisions.
    """

    __pydantic_config__ = {"strict": False}  # noqa: RUF012 (a whole number is a number in a model card)
    max_distance_px: float | None = None
    max_gap: int = 2
    overlap: float = 1.0
    off_middle: float = 0.25

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        distance = self.max_distance_px
        if distance is not None and not 0 < distance < 1e6:
            raise ValueError(f"max_distance_px is {distance:g}, not a number of pixels above 0")
        if not 0 <= self.max_gap <= MOST_FRAMES:
            raise ValueError(f"max_gap is {self.max_gap}, not 0 to {MOST_FRAMES}")
        for name, value in (("overlap", self.overlap), ("off_middle", self.off_middle)):
            if not (isfinite(value) and 0 <= value <= 100):
                raise ValueError(f"{name} is {value:g}, not 0 to 100")
