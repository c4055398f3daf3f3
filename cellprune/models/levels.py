"""The channels of a network's levels: what makes it wide or narrow."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from cellprune.errors import CellpruneError
from cellprune.wording import quoted

Stem = Literal["small", "large"]
"""How a network for whole images begins and ends: "small" is for images of 32 to 64 px, "large" for some 224 px."""

MOST_LEVELS = 16  # the deepest then looks at one pixel for 32,768
MOST_CHANNELS = 2**24


class Leveled(nn.Sequential):
    """A chain of layers that knows the channels of its levels (a classifier's stages)."""

    widths: tuple[int, ...] = ()


def doubling(width: int, depth: int) -> tuple[int, ...]:
    """Give the channels of each level of a U-Net by its first: they double wherever the image is halved."""
    return tuple(width * 2**level for level in range(depth + 1))


def checked(widths: Sequence[object], n_levels: int | None = None) -> tuple[int, ...]:
    """Give the channels of each level, once they are seen to be possible.

    Args:
        widths: one whole number a level, from the image on.
        n_levels: how many there must be; None for two or more.
    Raises:
        CellpruneError: too few, too many, or not whole numbers of at least 1.
    """
    few = 2 <= len(widths) <= MOST_LEVELS if n_levels is None else len(widths) == n_levels
    possible = [width for width in widths if type(width) is int and 0 < width <= MOST_CHANNELS]
    if not few or len(possible) < len(widths):
        raise CellpruneError(
            f"model.widths is {quoted(list(widths))}, but must be {n_levels or f'2 to {MOST_LEVELS}'} whole numbers "
            f"from 1 to {MOST_CHANNELS}"
        )
    return tuple(possible)
