"""The channels of a network's levels: what makes it wide or narrow."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from cellprune.errors import CellpruneError


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
    whole = all(isinstance(width, int) and not isinstance(width, bool) and width > 0 for width in widths)
    if not whole or (len(widths) < 2 if n_levels is None else len(widths) != n_levels):
        raise CellpruneError(
            f"model.widths is {list(widths)}, but must be {n_levels or 'two or more'} whole numbers of at least 1"
        )
    return tuple(widths)
