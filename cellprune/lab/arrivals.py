"""Files that come into a folder while a microscope runs: each is given once it is whole.

A file counts as whole when its size and its time did not change between two looks. What cannot be read then may still
be on its way, as over a network, and is tried again for a while; later, only if it changes. The folder is looked at,
since network drives tell of no changes.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellprune.errors import WorkError
from cellprune.images import naming
from cellprune.images.read import ImageError
from cellprune.lab.axes import Axes
from cellprune.lab.gathering import Failure, File, gathered
from cellprune.lab.inputs import Image, images_of, members_of
from cellprune.wording import printable

EVERY_S = 2.0
"""Between two looks."""
PATIENCE_S = 30.0
"""For so long a file that cannot be read may still be on its way."""


@dataclass(frozen=True)
class Arrival:
    """A file that came, and is whole.

    Attributes:
        path: the file.
        images: in it.
        is_late: whether it has been as it is for so long that it is no longer on its way.
    """

    path: Path
    images: tuple[Image, ...]
    is_late: bool


@dataclass
class _Seen:
    stamp: tuple[int, int]  # bytes, and when they were last changed
    since: float
    was_done: bool  # as it was before it changed
    is_done: bool = False
    is_told: bool = False  # that it cannot be read as it is
    why: str | None = None  # it was left for a later look


class Arrivals:
    """The files of a folder, as they come.

    Args:
        folder: what is watched.
        axes: see `inputs.find`.
        clock: gives seconds.

    Attributes:
        left_out: names of what is left out because it is named as label images are, by the last look.
    """

    def __init__(self, folder: Path, axes: Axes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._axes = axes
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}
        self._names: dict[str, Path] = {}
        self._told: set[Failure] = set()
        self.left_out: list[str] = []

    def look(self) -> Iterator[Arrival | Failure]:
        """Give the files that are whole and not done yet, by name, and what cannot be predicted.

        Raises:
            WorkError: the folder is gone.
        """
        files, failures, self.left_out = gathered([str(self.folder)])
        if not os.path.isdir(self.folder):  # unlike the path's own, it says no where a network drive is lost
            raise WorkError(f"the folder {printable(str(self.folder))!r} is gone")
        for failure in failures if files else ():  # without files it says that nothing has come yet
            if failure not in self._told:
                self._told.add(failure)
                yield failure
        for file in sorted(files, key=lambda file: naming.of_text(file.path.name)):
            if self._is_whole(file.path):
                yield from self._given(file)

    def done(self, arrival: Arrival) -> None:
        """Give a file again only if it changes, and must be predicted anew."""
        self._seen[arrival.path].is_done = True

    def told(self, arrival: Arrival) -> None:
        """Give a file again only if it changes."""
        self._seen[arrival.path].is_told = True

    def left(self, arrival: Arrival, why: str) -> None:
        """Give a file again at the next look, since it may still be on its way."""
        self._seen[arrival.path].why = why

    def has_changed(self, arrival: Arrival) -> bool:
        """Tell whether a file is another than it was when it was given; one that was moved away is not."""
        stamp = _stamp(arrival.path)
        return stamp is not None and stamp != self._seen[arrival.path].stamp

    def waiting(self) -> Iterator[Failure]:
        """Give what is there and still waited for, each with the reason."""
        for file in gathered([str(self.folder)])[0]:
            self._is_whole(file.path)  # which takes note of files that came, and of changes
            seen = self._seen.get(file.path)
            if seen is not None and not (seen.is_done or seen.is_told):
                yield Failure(printable(str(file.path)), printable(self._why(file, seen)))

    def _why(self, file: File, seen: _Seen) -> str:
        """Say why a file is still waited for."""
        try:
            self._images(file)
        except ImageError as error:
            return str(error)
        if seen.why is not None:
            return seen.why
        if seen.was_done:
            return f"{file.path} changed after it was predicted: give the same command again"
        return f"{file.path} was not predicted before the watch ended: give the same command again"

    def _is_whole(self, path: Path) -> bool:
        """Tell whether a file is as it was at the last look, and still to be given."""
        stamp, seen = _stamp(path), self._seen.get(path)
        if stamp is None:
            return False
        if seen is None or seen.stamp != stamp:
            was_done = seen is not None and (seen.is_done or seen.was_done)
            self._seen[path] = _Seen(stamp, self._clock(), was_done)
            return False
        return not (seen.is_done or seen.is_told)

    def _given(self, file: File) -> Iterator[Arrival | Failure]:
        seen = self._seen[file.path]
        is_late = self._clock() - seen.since >= PATIENCE_S
        try:
            images = self._images(file)
        except ImageError as error:
            seen.is_told = is_late
            if is_late:
                yield Failure(printable(str(file.path)), printable(str(error)))
            return
        names = {naming.of_text(name).casefold() for image in images for name in (image.name, image.stack) if name}
        if rival := next((self._names[name] for name in names if self._names.get(name, file.path) != file.path), None):
            seen.is_told = True
            yield Failure.of(file.path, f"and {rival} would both be written as {images[0].name!r}: rename it")
            return
        self._names |= dict.fromkeys(names, file.path)
        yield Arrival(file.path, images, is_late)

    def _images(self, file: File) -> tuple[Image, ...]:
        """Give the images in a file; raises as `images_of`."""
        if file.path.is_dir():  # no look tells when all of its files are there
            raise ImageError(f"{file.path} is an OME-Zarr: predict it when it is complete, without --watch")
        found = [images_of(file, member, len(self._seen), self._axes) for _, member in members_of([file])]
        return tuple(image for of_member in found for image in of_member)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Give how large a file is and when it was last changed; None where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
