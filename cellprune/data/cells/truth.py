"""Truth that is partial: four named policies for a cell that has a tracking marker but no gold mask.

`paper`     background, as the published protocol has it as far as it is known
`ignore`    neither learned nor scored: its silver mask, else a disc of the usual cell area around its marker
`complete`  the frame is left out
`silver`    its silver mask is taken for true, else ignored; frames without gold truth count as well
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cellprune.data.cells.ctc import truth_images
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.matching import areas_px, covering, regions
from cellprune.errors import CellpruneError
from cellprune.evaluation.iou import IGNORED
from cellprune.images.read import ImageError, Labels, Target, read_header, read_labels
from cellprune.targets.classes import encode
from cellprune.targets.kinds import UNKNOWN

Policy = Literal["paper", "ignore", "complete", "silver"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


class TruthError(CellpruneError):
    """A frame without the truth that its policy needs, or truth that says nothing."""


class ClassesError(ImageError):
    """A label image with a value that is no class."""


@dataclass(frozen=True)
class Completeness:
    """How many of a frame's tracked cells have a gold mask; without markers nothing is known to be missing."""

    n_missing: int
    n_cells: int

    def fault(self, policy: Policy) -> str | None:
        """Say why `policy` leaves such a frame out, or None when it takes it."""
        too_many = {"paper": False, "ignore": 2 * self.n_missing > self.n_cells, "complete": self.n_missing > 0}
        return f"{self.n_missing} of {self.n_cells} cells have no gold mask" if too_many.get(policy) else None


def completeness(frame: Frame) -> Completeness:
    """Count the cells that a gold frame tracks and those it leaves unannotated."""
    label_of = covering(read_truth(frame, "markers"), read_truth(frame, "gold"))
    return Completeness(sum(label == 0 for label in label_of.values()), len(label_of))


def labelled(frame: Frame, policy: Policy, *, ignore_border_px: int = 0, classes: int = 2) -> Labels:
    """Give a frame's truth at its native size, every cell with its number.

    Args:
        frame: with gold truth; under `silver`, silver truth will do.
        policy: what a cell without a gold mask is, see the module.
        ignore_border_px: background this close to the image's edge is ignored too, since no cell need be annotated
            there; 0 ignores none.
        classes: 2: labels number cells; more: labels are numbers of classes, and 255 is unknown.
    Returns:
        (H, W) int32: 0 background, the number of a cell or of a class, -1 ignored. Cells of the silver truth that the
        gold truth lacks get numbers beyond its own.
    Raises:
        TruthError: the truth this policy needs is not there.
        ClassesError: a label image has a value that is no class.
        ImageError: a truth file is unusable, or differs in size from the others.
    """
    if policy not in POLICIES:
        raise TruthError(f"no truth policy {policy!r}; known: {', '.join(POLICIES)}")
    if frame.gold is None and (policy != "silver" or frame.silver is None):
        raise TruthError(f"{frame.dataset} {frame.id} has no truth for policy {policy!r}: leave the frame out")
    drawn = _drawn(frame, policy) if classes == 2 else _classes(frame, classes)
    if frame.ignore is not None:
        drawn[_ignored(frame)] = UNKNOWN
    if ignore_border_px > 0:
        band = np.ones(drawn.shape, dtype=bool)
        band[ignore_border_px:-ignore_border_px, ignore_border_px:-ignore_border_px] = False
        drawn[band & (drawn == 0)] = UNKNOWN
    return drawn


def unknown(frame: Frame) -> Labels:
    """Give the truth of a frame that nobody annotated: (H, W) int32, all of it -1."""
    return np.full(read_header(frame.image).size, UNKNOWN, dtype=np.int32)


def target(frame: Frame, policy: Policy, *, ignore_border_px: int = 0, classes: int = 2) -> Target:
    """Give the class of every pixel of a frame, by which pixels are scored.

    Args:
        frame, policy, ignore_border_px, classes: as `labelled` takes them, which says what it raises, too.
    Returns:
        (H, W) uint8: 0 background, 1 cell or the number of a class, 255 ignored.
    """
    return encode(labelled(frame, policy, ignore_border_px=ignore_border_px, classes=classes), classes)


def has_cells(frames: Iterable[Frame]) -> bool:
    """Tell whether any frame's truth, gold where it has some and else silver, shows a cell."""
    return any(bool(read_truth(frame, "gold" if frame.gold else "silver").any()) for frame in frames)


def _classes(frame: Frame, n_classes: int) -> Labels:
    labels = read_truth(frame, "gold")
    if (wrong := np.unique(labels[(labels >= n_classes) & (labels != IGNORED)])).size:
        raise ClassesError(
            f"{frame.gold} has the value {wrong[0]}, but the {n_classes} classes are 0 to {n_classes - 1} and 255 for "
            "unknown: correct it, or name more with data.classes"
        )
    labels[labels == IGNORED] = UNKNOWN
    return labels


def _ignored(frame: Frame) -> NDArray[np.bool_]:
    marks = read_truth(frame, "ignore")
    if (wrong := np.unique(marks[(marks != 0) & (marks != IGNORED)])).size:
        raise ImageError(f"{frame.ignore} has the value {wrong[0]}: where a pixel is unknown write 255, elsewhere 0")
    return marks == IGNORED


def _drawn(frame: Frame, policy: Policy) -> Labels:
    labels = read_truth(frame, "gold" if frame.gold is not None else "silver")
    if frame.markers is None and np.array_equal(np.unique(labels), [0, labels.max(initial=0)]):
        labels = regions(labels)  # a black and white image: what is connected is one cell
    if labels.max(initial=0) > labels.size:  # numbers from elsewhere: counted up to, they would fill the memory
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
        labels -= labels.min() if (labels == 0).any() else 0
    drawn = labels.copy()
    if policy in {"paper", "complete"} or frame.markers is None:
        return drawn
    markers = read_truth(frame, "markers")
    silver = read_truth(frame, "silver")
    in_silver = covering(markers, silver)
    free = labels == 0  # a labelled cell is never overwritten
    for marker, label in covering(markers, labels).items():
        if label != 0:
            continue
        if in_silver[marker]:
            drawn[free & (silver == in_silver[marker])] = drawn.max() + 1 if policy == "silver" else UNKNOWN
        else:
            disc = _disc(markers == marker, usual_area_px((frame.gold or frame.silver or frame.markers).parent))
            drawn[free & disc & (drawn == 0)] = UNKNOWN
    return drawn


@cache
def usual_area_px(folder: Path) -> float:
    """Give the median area of all cells in a folder of truth: one sequence's.

    Raises:
        TruthError: the folder shows no cell.
    """
    areas = [area for path in truth_images(folder) for area in areas_px(read_labels(path)).values()]
    if not areas:
        raise TruthError(f"{folder} shows no cell in any frame: the size of a missing cell cannot be estimated")
    return float(np.median(areas))


def _disc(marker: NDArray[np.bool_], area_px: float) -> NDArray[np.bool_]:
    """Draw a disc of the given area around a marker's centre of mass."""
    row, column = (where.mean() for where in np.nonzero(marker))
    rows, columns = np.ogrid[: marker.shape[0], : marker.shape[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= area_px / np.pi


def read_truth(frame: Frame, kind: str) -> Labels:
    """Read a frame's `gold`, `silver`, `markers` or `ignore`, (H, W) as large as its image; an absent one is all 0.

    Raises:
        ImageError: a file that cannot be read, or is not as large as the image.
    """
    size = read_header(frame.image).size
    path = frame.files.get(kind)
    if path is None:
        return np.zeros(size, dtype=np.int32)
    labels = read_labels(path)
    if labels.shape != size:
        raise ImageError(f"{path} is {labels.shape} pixels but its image {frame.image.name} is {size}: one is wrong")
    return labels
