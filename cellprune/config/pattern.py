"""Patterns of single weights, as they are written: `2:4` for two of each four, `4x1` for blocks."""

import re
from dataclasses import dataclass
from fractions import Fraction

from cellprune.wording import quoted

_WRITTEN = re.compile(r"(?P<first>[1-9]\d{0,3})(?P<kind>[:x])(?P<second>[1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True)
class OfEach:
    """At most `keep` of each `of` inputs next to each other stay."""

    keep: int
    of: int

    @property
    def most(self) -> Fraction:
        """The largest share that may stay."""
        return Fraction(self.keep, self.of)


@dataclass(frozen=True)
class Blocks:
    """Blocks of `outputs` by `inputs` weights stay or go as a whole."""

    outputs: int
    inputs: int

    @property
    def most(self) -> Fraction:
        """The largest share that may stay."""
        return Fraction(1)


Pattern = OfEach | Blocks


def pattern_of(written: object) -> Pattern:
    """Read a pattern.

    Raises:
        ValueError: it is none.
    Example:
        >>> pattern_of("2:4")
        OfEach(keep=2, of=4)
        >>> pattern_of("4x1")
        Blocks(outputs=4, inputs=1)
    """
    parts = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if parts is None:
        raise ValueError(f"{quoted(written)} is no pattern: write 2:4 for two of each four inputs, or 4x1 for blocks "
                         f"of 4 outputs by 1 input")  # fmt: skip
    first, second = int(parts["first"]), int(parts["second"])
    if parts["kind"] == "x":
        return Blocks(first, second)
    if first >= second:
        raise ValueError(f"{quoted(written)} keeps all: write fewer before the colon than behind it, such as 2:4")
    return OfEach(first, second)
