"""The numbers by which maps become cells, as the model card holds them; all in native pixels of the training images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, pi, sqrt
from typing import Literal

from cellprune.errors import CellpruneError

_JSON = {"strict": False}  # a whole number is a number, where pydantic makes one of these from a model card
_LEAST_SHARE = 0.1  # of the median cell's area: what is smaller is a speck
_DEPTH = 0.15  # at which inner parts are usually cut: no border is found between many cells


@dataclass(frozen=True)
class CellSize:
    """How large the cells of the training part are, in native pixels.

    Attributes:
        area_px: the median area.
        radius_px: the median of each cell's largest distance from its edge, so that a long cell has half its width.
    """

    __pydantic_config__ = _JSON
    area_px: float
    radius_px: float

    def __post_init__(self) -> None:
        """Refuse sizes that no cell has."""
        _require(area_px=self.area_px, radius_px=self.radius_px)

    @property
    def diameter_px(self) -> float:
        """The diameter of a disc of the median area."""
        return 2 * sqrt(self.area_px / pi)


@dataclass(frozen=True)
class Components:
    """What is connected is one cell.

    Attributes:
        min_area_px: smaller pieces are dropped.
    """

    __pydantic_config__ = _JSON
    name: Literal["components"] = "components"
    min_area_px: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        _require(min_area_px=self.min_area_px)


@dataclass(frozen=True)
class Watershed:
    """What is connected is cut at its necks.

    Attributes:
        radius_px: of a usual cell, see `CellSize`.
        depth: a neck parts two cells if the narrower of them is wider than the neck by this share of the radius, on
            each side.
        min_area_px: smaller pieces are dropped; none is cut off that is smaller.
    """

    __pydantic_config__ = _JSON
    radius_px: float
    name: Literal["watershed"] = "watershed"
    depth: float = 0.1
    min_area_px: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        _require(radius_px=self.radius_px, depth=self.depth, min_area_px=self.min_area_px)


@dataclass(frozen=True)
class BorderSeeds:
    """Inner parts, cut at their necks where no border was found, grow over the border class until they meet.

    Attributes:
        seed: probability of the inner class above which a pixel is surely inside a cell.
        foreground: probability of both cell classes together above which a pixel is cell.
        min_area_px: smaller cells are dropped.
        radius_px: of a usual cell, see `CellSize`.
        depth: as of `Watershed`; where one of the two is 0, nothing is cut.
    """

    __pydantic_config__ = _JSON
    name: Literal["border"] = "border"
    seed: float = 0.5
    foreground: float = 0.5
    min_area_px: float = 0.0
    radius_px: float = 0.0
    depth: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        _require(
            seed=self.seed,
            foreground=self.foreground,
            min_area_px=self.min_area_px,
            radius_px=self.radius_px,
            depth=self.depth,
        )


@dataclass(frozen=True)
class DistanceSeeds:
    """Middles of cells grow to where the distance to the edge ends.

    Attributes:
        smoothing_px: deviation of the Gaussian on the map of distances.
        foreground: a pixel whose distance is above it is cell.
        seed: a pixel whose distance less nearness of a neighbour is above it is the middle of a cell.
        min_area_px: smaller cells are dropped.
    """

    __pydantic_config__ = _JSON
    name: Literal["distance"] = "distance"
    smoothing_px: float = 0.5
    foreground: float = 0.07
    seed: float = 0.45
    min_area_px: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        _require(
            smoothing_px=self.smoothing_px, foreground=self.foreground, seed=self.seed, min_area_px=self.min_area_px
        )


Decoder = Components | Watershed | BorderSeeds | DistanceSeeds


def decoder_of(name: str, cells: CellSize | None, numbers: Mapping[str, float] = {}) -> Decoder:
    """Give a decoder with its usual numbers, but for those that are given.

    Args:
        name: "components", "watershed", "border" or "distance".
        cells: how large the training cells are; None where nobody knows: then nothing is dropped.
        numbers: by their names, of this decoder alone.
    Raises:
        CellpruneError: a watershed needs to know how large cells are.
    """
    if name == "components":  # as ever: all that is connected
        return with_numbers(Components(), numbers)
    least = 0.0 if cells is None else _LEAST_SHARE * cells.area_px
    if name == "border":
        radius, depth = (0.0, 0.0) if cells is None else (cells.radius_px, _DEPTH)
        return with_numbers(BorderSeeds(min_area_px=least, radius_px=radius, depth=depth), numbers)
    if name == "distance":
        return with_numbers(DistanceSeeds(min_area_px=least), numbers)
    if cells is not None:
        return with_numbers(Watershed(cells.radius_px, min_area_px=least), numbers)
    if "radius_px" not in numbers:
        raise CellpruneError(
            "the model does not say how large its training cells were, which decoder 'watershed' needs: take "
            "--decoder components, give --set decoder.radius_px=PX, or train again"
        )
    return with_numbers(Watershed(numbers["radius_px"]), numbers)


def with_numbers(decoder: Decoder, numbers: Mapping[str, float]) -> Decoder:
    """Give the same decoder with some other numbers, by their names."""
    return replace(decoder, **numbers)  # type: ignore[arg-type]


def at_scale(decoder: Decoder, area_factor: float) -> Decoder:
    """Give the same decoder for pixels of another size.

    Args:
        decoder: for native pixels of the training images.
        area_factor: so many of the other pixels cover one of these.
    """
    if area_factor == 1:
        return decoder
    scaled = replace(decoder, min_area_px=decoder.min_area_px * area_factor)
    if isinstance(scaled, Watershed | BorderSeeds):
        return replace(scaled, radius_px=scaled.radius_px * area_factor**0.5)
    return scaled


def _require(**numbers: float) -> None:
    for name, number in numbers.items():
        if not isfinite(number) or number < 0 or number > 1e9:
            raise ValueError(f"{name} is {number:g}, which is no size or threshold")
