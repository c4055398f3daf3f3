"""What a data set is on disk: frames and the truth that belongs to them. Nothing here is read, only named."""

from dataclasses import dataclass, replace
from pathlib import Path

CLASSES = ("background", "cell")


@dataclass(frozen=True)
class Frame:
    """One image and the truth beside it; a kind of truth that the frame lacks is None.

    Attributes:
        dataset: name of the data set it belongs to.
        sequence: name of the recording, "01".
        number: time index from 0.
        image: the image file.
        gold: human annotation, an instance image, perhaps of some cells only.
        silver: computed reference annotation, an instance image.
        markers: tracking truth: one marker for every cell, labelled by track.
        ignore: pixels of value 255 are unknown, whatever the truth policy.
        name: the image file's, where frames are known by their names; then `number` is only their order.
    """

    dataset: str
    sequence: str
    number: int
    image: Path
    gold: Path | None
    silver: Path | None
    markers: Path | None
    ignore: Path | None = None
    name: str | None = None

    @property
    def id(self) -> str:
        """Name, or sequence and time index, "01/002": unique in its data set and the same on every machine."""
        return self.name or f"{self.sequence}/{self.number:03d}"

    @property
    def files(self) -> dict[str, Path]:
        """Every file of the frame by its kind: image, gold, silver, markers, ignore."""
        kinds = {
            "image": self.image,
            "gold": self.gold,
            "silver": self.silver,
            "markers": self.markers,
            "ignore": self.ignore,
        }
        return {kind: path for kind, path in kinds.items() if path is not None}


@dataclass(frozen=True)
class Dataset:
    """All frames of a data set in the order of (sequence, time), and what its card knows of them.

    Attributes:
        pixel_size_um: (y, x); None when unknown.
        frame_interval_min: time between two frames; None when unknown.
        field_of_interest_px: width of the outer band in which cells may be unannotated; None when unknown.
        channels: of every image: 1 grey, 3 colour.
        saved_channels: of the files: more than one where every file saves grey as colour, so that `channels` is 1.
        classes: names of what a pixel of a target can be, in the order of their numbers.
        left_aside: sentences on what looks like an image in its folder and has no part in it.
    """

    name: str
    root: Path
    frames: tuple[Frame, ...]
    pixel_size_um: tuple[float, float] | None = None
    frame_interval_min: float | None = None
    field_of_interest_px: int | None = None
    channels: int = 1
    saved_channels: int = 1
    classes: tuple[str, ...] = CLASSES
    left_aside: tuple[str, ...] = ()

    @property
    def gold_frames(self) -> tuple[Frame, ...]:
        """The frames that a human annotated, at least in part."""
        return tuple(frame for frame in self.frames if frame.gold is not None)

    def seen_with(self, channels: int) -> "Dataset":
        """Give the set as a network of so many channels sees it: grey that is saved in colour is read either way."""
        return replace(self, channels=channels) if channels == self.saved_channels else self
