"""What every kind of data is before any pixel is read: frames on disk, and the parts that they are split into."""

from collections.abc import Sized
from typing import Literal, Protocol, Self

from cellprune.runs.split import Split

Part = Literal["train", "select", "report"]


class Frames(Protocol):
    """What is on disk, in the order of the data set.

    Attributes:
        name: of the data set.
        channels: of every image, as the network sees it.
        classes: names, in the order of their numbers.
    """

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> int: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    def seen_with(self, channels: int) -> Self:
        """Give the same frames for a network of so many channels, if they can be read so; else as they are."""
        ...


class Parts(Protocol):
    """Which frames are learned from ("train"), chosen on ("select") and held out ("report")."""

    def part(self, name: Part, /) -> Sized: ...

    def known_by(self, written: Split, /) -> Self:
        """Give the same parts as an older run knows them, by what it hashed."""
        ...

    def written(self) -> Split:
        """Give what split.yaml holds."""
        ...
