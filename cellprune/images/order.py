"""The order of a file's axes as a user gives it, held against what the file says of itself."""

from collections.abc import Sequence
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.images.header import ImageError

AXES = "TZCYX"  # time, slices, channels, rows, columns
UNNAMED = "IQ"  # tifffile's letters for pages, and axes of an array, of which a file says nothing


def checked(order: str) -> str:
    """Give an order of axes, such as TZCYX, in capitals.

    Raises:
        CellpruneError: an unknown letter, a letter twice, or no rows and columns.
    """
    letters = order.upper()
    if unknown := [letter for letter in letters if letter not in AXES]:
        raise CellpruneError(f"--axes {order}: there is no axis {unknown[0]!r}; give letters of {AXES}, such as ZYX")
    if repeated := [letter for letter in AXES if letters.count(letter) > 1]:
        raise CellpruneError(f"--axes {order}: the axis {repeated[0]} stands there twice: give each once, such as ZYX")
    if not {"Y", "X"} <= set(letters):
        raise CellpruneError(f"--axes {order}: Y and X, rows and columns, are missing: give them, too, such as ZYX")
    return letters


def fitting(given: str | None, own: str, shape: Sequence[int], path: Path) -> str:
    """Give the axes of a file: those that are given, where the file's own words leave room for them.

    Args:
        given: as of `checked`; None where nobody says more than the file.
        own: letters of the file, one per axis; `UNNAMED` where it says nothing, S for the samples of a pixel.
        shape: of these axes.
    Returns:
        One letter per axis of `own`; samples of a pixel stay S.
    Raises:
        ImageError: another number of axes than the file has, or others than the file says.
    """
    if given is None:
        return own
    sizes = " x ".join(map(str, shape))
    if len(given) != len(own):
        raise ImageError(f"{path} has {len(own)} axes ({sizes}), and --axes {given} names {len(given)}: name each axis")
    says = own.replace("S", "C")
    bare = "Q" in says  # an array without names, whose rows and columns may be any of its axes
    if any(a != b and a not in UNNAMED and not (bare and a in "YX") for a, b in zip(says, given, strict=True)):
        shown = "".join("?" if letter in UNNAMED else letter for letter in says)
        raise ImageError(
            f"{path} says that its axes are {shown} ({sizes}), not {given}: remove --axes, or save the file with the "
            "axes that are meant"
        )
    return "".join("S" if a == "S" else b for a, b in zip(own, given, strict=True))
