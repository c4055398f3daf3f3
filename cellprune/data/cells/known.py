"""Pixels that count: a part of which every pixel is ignored would be learned or scored as nothing, with a loss of 0."""

from collections.abc import Iterable

from cellprune.data.cells.frames import Frame
from cellprune.data.cells.truth import Policy
from cellprune.errors import CellpruneError
from cellprune.images.aside import some
from cellprune.runs import log
from cellprune.targets.kinds import Encoded, is_known


class NothingKnownError(CellpruneError):
    """A part of a split without one pixel whose truth is known."""


def require_known(frames: Iterable[tuple[Frame, Encoded]], *, policy: Policy, use: str) -> None:
    """Refuse a part of a split in which no pixel counts, and name the frames in which none does.

    Args:
        frames: with their targets, as the network is shown them.
        policy: truth policy that the targets were made by.
        use: what the part is for, "learned" or "scored".
    Raises:
        NothingKnownError: there are frames, and every pixel of all is ignored.
    """
    known = {frame.id: bool(is_known(target).any()) for frame, target in frames}
    unknown = [name for name, is_known in known.items() if not is_known]
    if not unknown:
        return
    start = f"every pixel of {some(unknown)} is ignored under truth policy {policy!r}"
    if len(unknown) == len(known):
        raise NothingKnownError(
            f"{start}, so nothing can be {use}: correct the ignore images or the labels, or take another --truth or "
            "--split-seed"
        )
    log.warn_once(f"warning: {start}: nothing is {use} there")
