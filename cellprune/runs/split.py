"""split.yaml: which data a run learned from, which it was chosen by, and which it was scored on, by their content.

A data set draws its split itself (`data.cells.split`, `data.labelled.sets`), gives it as one of these values, and finds
its images by it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cellprune.runs import documents

UNANNOTATED = "unannotated"  # the part of the frames that a teacher alone speaks of


@dataclass(frozen=True, kw_only=True)
class SplitFrame:
    """A frame of a recording, or an image of a plain folder, which has a name.

    Attributes:
        sequence: the recording, or the folder.
        frame: its number.
        sha256: kind of file ("image", "gold", ...) -> hash of its content.
    """

    sequence: str
    frame: int
    name: str | None = None
    sha256: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DroppedFrame(SplitFrame):
    """A frame that the truth policy left out of the part it was drawn into."""

    part: str
    reason: str


@dataclass(frozen=True)
class FrameSplit:
    """Frames of recordings, one by one.

    Attributes:
        how: "random", "block" or "sequence".
        holdout: share of the annotated frames that was held out.
        select_share: share of the others that was set apart to choose on.
        policy: truth policy.
        fold: which fold was held out, from 0, and of how many; None where a share was held out once.
        parts: "train", "select" and "report" -> their frames; "unannotated" where a teacher speaks of such frames.
        dropped: frames that the truth policy left out.
    """

    dataset: str
    how: str
    holdout: float
    seed: int
    select_share: float
    policy: str
    fold: tuple[int, int] | None
    parts: Mapping[str, tuple[SplitFrame, ...]]
    dropped: tuple[DroppedFrame, ...]


@dataclass(frozen=True)
class ImagePart:
    """How many images of a data set a part has, and the hash of their numbers."""

    images: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ImageSplit:
    """Images of one class each: too many to name, so the draw is told, and digests tell whether it is the same.

    Attributes:
        how: "random".
        holdout: share of each class's training images that is set apart to watch the training by.
        select_share: share of the others that is set apart to choose on, too.
        files: name -> hash of every file of the data set.
        parts: "train", "select" and "report".
    """

    dataset: str
    how: str
    holdout: float
    select_share: float = 0.0
    seed: int
    files: Mapping[str, str]
    parts: Mapping[str, ImagePart]


Split = FrameSplit | ImageSplit


def change(before: Split, now: Split) -> str:
    """Say in what the data of two splits differ, the first of it; "" where these are the same."""
    if before.dataset != now.dataset:
        return f"{before.dataset} is {now.dataset} now"
    ours, theirs = _hashes(now), _hashes(before)
    changes = [
        f"{what} {'is gone' if what not in ours else 'is new' if what not in theirs else 'changed'}"
        for what in [*theirs, *(new for new in ours if new not in theirs)]
        if ours.get(what) != theirs.get(what)
    ]
    return f"{changes[0]}{f', and {len(changes) - 1} more' * (len(changes) > 1)}" if changes else ""


def _hashes(split: Split) -> dict[str, str]:
    """Give what is hashed, in words -> its hash."""
    if isinstance(split, ImageSplit):
        return {f"the {name}" if " " in name else name: digest for name, digest in split.files.items()}
    frames = [*(frame for part in split.parts.values() for frame in part), *split.dropped]
    return {
        f"the {kind} file of {frame.name or f'{frame.sequence}/{frame.frame:03d}'}": digest
        for frame in sorted(frames, key=lambda frame: (frame.sequence, frame.frame))
        for kind, digest in frame.sha256.items()
    }


def write(path: Path, split: Split) -> None:
    """Write split.yaml, whole or not at all."""
    documents.write_yaml(path, documents.plain(split))


def read(path: Path) -> Split:
    """Read a split.yaml; CellpruneError where it is absent or damaged."""
    content = documents.read_yaml(path)
    if "files" in content:
        return documents.checked(path, ImageSplit, content)
    return documents.checked(path, FrameSplit, content)
