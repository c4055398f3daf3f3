"""One image of a file, of which nothing is read yet but what it says of itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.images.blocks import Windows
from cellprune.images.header import COARSEST_UM, Header

_FINEST_UM = 1e-5  # a pixel of an electron microscope is larger


@dataclass(frozen=True)
class Source:
    """An image whose planes are read one by one.

    Attributes:
        header: see there.
        axes: letters of T, Z, C, Y, X, in the file's order; those of one step, too.
        read: the number of a plane, and of a channel or None for all -> (C, H, W), as saved.
        doubts: gives more notes, as of the header, which take long to find: not for each plane.
        windows: the number of a plane, and of a channel or None for all -> what reads boxes of it; None where all of a
            plane is read at once.
    """

    header: Header
    axes: str
    read: Callable[[int, int | None], NDArray]
    doubts: Callable[[], tuple[str, ...]] = tuple
    windows: Callable[[int, int | None], Windows] | None = None


@dataclass(frozen=True)
class Member:
    """One image of a file that may hold several.

    Attributes:
        path: the file, or the folder inside it that is this image.
        number: which of the file's images it is; None where the path says it.
        name: what tells it from the others, of letters that a file's name may have; "" where it is alone.
        fault: why it cannot be read, where that is known before it is tried.
    """

    path: Path
    number: int | None = None
    name: str = ""
    fault: str = ""


def numbered(path: Path, count: int) -> list[Member]:
    """Give the images of a file that counts them from 0."""
    digits = max(3, len(str(count - 1)))
    return [Member(path, n, f"s{n:0{digits}d}" if count > 1 else "") for n in range(count)]


def steps(outer: Sequence[tuple[str, int]], plane: int) -> dict[str, int]:
    """Give where a plane is along each of the axes that planes are counted along; see `Header.outer`."""
    at = np.unravel_index(plane, tuple(size for _, size in outer))
    return {axis: int(step) for (axis, _), step in zip(outer, at, strict=True)}


def micrometers(
    sizes: tuple[float | None, float | None], *, remedy: str = "give --pixel-size Y X"
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Give a pixel size (y, x) in um where it can be meant, and what is to be said of it."""
    down, across = sizes
    if down is None or across is None:
        return None, (f"does not state the size of its pixels in um: {remedy} where it matters",)
    said = f"{down:.3g} x {across:.3g} um"
    if not all(isfinite(um) and _FINEST_UM <= um <= COARSEST_UM for um in (down, across)):
        return None, (f"states pixels of {said}, which no microscope has: taken as unknown; {remedy} where it matters",)
    if max(down / across, across / down) > 1.01:
        return (down, across), (f"has pixels of {said}, which are not square",)
    return (down, across), ()
