"""Where in a file of several images one is, for programs that show its outlines there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """A place along the axes of a file.

    Attributes:
        z: number of the slice, from 0; None where the file has none, or the image is of all.
        t: number of the moment, from 0; None where the file has one.
        is_hyperstack: whether ImageJ counts slices, moments and channels each on its own.
    """

    z: int | None = None
    t: int | None = None
    is_hyperstack: bool = False
