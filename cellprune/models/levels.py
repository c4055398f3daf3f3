"""The channels of a network's levels: what makes it wide or narrow."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from cellprune.errors import CellpruneError
from cellprune.wording import quoted

MOST_LEVELS = 16  # the deepest then looks at one pixel for 32,768
MOST_CHANNELS = 2**24


class Leveled(nn.Sequential):
    """A chain of layers that knows the channels of its levels (a classifier's stages)."""

    widths: tuple[int, ...] = ()


def checked(widths: Sequence[Any], n_levels: int | None = None) -> tuple[int, ...]:
    """Give the channels of each level, once they are seen to be possible.

    Args:
        widths: one whole number a level, from the image on.
        n_levels: how many there must be; None for two or more.
    Raises:
        CellpruneError: too few, too many, or not whole numbers of at least 1.
    """
    few = 2 <= len(widths) <= MOST_LEVELS if n_levels is None else len(widths) == n_levels
    if not few or not all(type(width) is int and 0 < width <= MOST_CHANNELS for width in widths):
        raise CellpruneError(
            f"model.widths is {quoted(list(widths))}, but must be {n_levels or f'2 to {MOST_LEVELS}'} whole numbers "
            f"from 1 to {MOST_CHANNELS}"
        )
    return tuple(widths)
