"""Slices in Z and channels: which of them make the image that a network of two dimensions is shown. Never guessed."""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from cellprune.images.header import Header, ImageError, Pick
from cellprune.images.order import UNNAMED
from cellprune.lab.position import Position
from cellprune.wording import quoted

_COLOURS = 3  # channels that ImageJ keeps in one pixel, unless one of them is asked for
Slices = Literal["max", "each"] | int


@dataclass(frozen=True)
class Axes:
    """What is meant of files of several axes.

    Attributes:
        z: "max" for the brightest pixel of all slices, "each" for every slice as an image, or the number of a slice,
            from 0; None where slices are refused.
        channel: number, from 0, or name of the one channel that is meant; None for all.
        order: the axes of files that do not say them, as `images.order.checked` gives them; None for what they say.
    """

    z: Slices | None = None
    channel: int | str | None = None
    order: str | None = None

    def header(self, whole: Header, path: Path) -> Header:
        """Give the header of the images that a file gives, of which each moment, or slice, is a plane.

        Raises:
            ImageError: no such slice or channel, moments of which each slice is wanted, or axes that nobody names.
        """
        unnamed = [size for axis, size in whole.outer if axis in UNNAMED]
        if len(unnamed) > 1 or (unnamed and (self.z is not None or self.channel is not None)):
            sizes = " x ".join(str(size) for _, size in whole.outer)
            letters = "TZYX" if len(whole.outer) > 1 else "ZYX"
            raise ImageError(
                f"{path} does not say what its {sizes} planes are: name its axes, such as --axes {letters} (T time, Z "
                "slices, C channels)"
            )
        n_moments = whole.planes // whole.slices
        if self.z == "each" and min(whole.slices, n_moments) > 1:
            raise ImageError(
                f"{path} has {n_moments} moments of {whole.slices} slices: --z each takes one or the other; give --z "
                "max, or the number of a slice"
            )
        if isinstance(self.z, int) and not 0 <= self.z < whole.slices:
            raise ImageError(f"{path} has no slice {self.z}: it holds {whole.slices}, counted from 0")
        if self.channel is not None:
            self._channel(whole, path)
        made = whole if self.channel is None else replace(whole, channels=1, looks_stacked=False)
        return replace(made, planes=whole.planes if self.z == "each" else n_moments)

    def pick(self, whole: Header, plane: int) -> Pick | None:
        """Give what makes one of these images; None where it is the file's plane as it is."""
        channel = None if self.channel is None else self._channel(whole, Path())
        if whole.slices == 1 and channel is None and self.order is None:
            return None
        if self.z == "each" or whole.slices == 1:
            return Pick((plane,), channel, self.order)
        axes, sizes = zip(*whole.outer, strict=True)
        numbered = np.moveaxis(np.arange(prod(sizes)).reshape(sizes), axes.index("Z"), -1).reshape(-1, whole.slices)
        slices = numbered[plane].tolist()
        return Pick((slices[self.z],) if isinstance(self.z, int) else tuple(slices), channel, self.order)

    def position(self, whole: Header, plane: int) -> Position | None:
        """Say where in its file one of these images is; None where the file has one place."""
        n_moments = whole.planes // whole.slices
        z = plane if self.z == "each" else self.z if isinstance(self.z, int) else None
        z = z if whole.slices > 1 else None
        t = plane if n_moments > 1 else None
        has_channels = whole.channels > 1 and (self.channel is not None or whole.channels != _COLOURS)
        n_axes = (whole.slices > 1) + (n_moments > 1) + has_channels
        return None if z is None and t is None else Position(z, t, is_hyperstack=n_axes > 1)

    def _channel(self, whole: Header, path: Path) -> int:
        """Give the number of the channel that is meant."""
        names, wanted = whole.channel_names, self.channel
        if isinstance(wanted, int) and 0 <= wanted < whole.channels:
            return wanted
        named_so = [number for number, name in enumerate(names) if name == str(wanted)]  # such as 488, a wavelength
        if len(named_so) > 1:
            raise ImageError(
                f"{path} has {len(named_so)} channels named {quoted(wanted)}: give the number of one, such as "
                f"--channel {named_so[0]}"
            )
        if named_so:
            return named_so[0]
        lowered = {name.casefold(): name for name in names}
        close = get_close_matches(str(wanted).casefold(), lowered, n=1)
        named = f" ({', '.join(map(quoted, names))})" if names else ""
        guess = f"; did you mean {quoted(lowered[close[0]])}?" if close else ""
        raise ImageError(
            f"{path} has no channel {quoted(wanted)}: it holds {whole.channels}{named}, counted from 0{guess}"
        )
