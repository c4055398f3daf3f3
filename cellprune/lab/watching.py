"""A folder that a running microscope writes into: its images are predicted as they come, until the user ends it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.read import ImageError
from cellprune.lab import scale
from cellprune.lab.arrivals import EVERY_S, Arrival, Arrivals
from cellprune.lab.earlier import Earlier
from cellprune.lab.gathering import Failure
from cellprune.lab.inputs import Image
from cellprune.lab.job import Done, Job, join, stopped, write
from cellprune.wording import many, printable

Tell = Callable[[Done], None]
Notice = Callable[[Sequence[Image], Sequence[str]], None]  # images that came, and what is left out as labels


@dataclass(frozen=True)
class Scaling:
    """How the images that come are zoomed.

    Attributes:
        pixel_size_um: (y, x), as given for all; None for what each file says.
        rescale: see `scale.zooms`.
    """

    pixel_size_um: scale.Scale | None
    rescale: bool


def watch(
    job: Job,
    arrivals: Arrivals,
    scaling: Scaling,
    *,
    separate: bool = False,
    tell: Tell = lambda done: None,
    notice: Notice = lambda images, left_out: None,
    wait: Callable[[float], None] | None = None,
) -> Done:
    """Predict the images that are in a folder and those that come, until Ctrl-C.

    The table and the record are written whenever nothing is left to do for now. A file that changes after it was
    predicted is predicted anew. What is still waited for at the end is a failure. What an earlier
    watch did stays, also of images that were moved away since.

    Args:
        job: how.
        arrivals: of the folder.
        scaling: how images are zoomed.
        separate: whether the labels of a stack stay one file each.
        tell: told what is done so far, whenever it begins to wait.
        notice: told of the images of each file before they are predicted, and of what each look left out.
        wait: waits for some seconds; None for the clock.
    Returns:
        What came of it; all of it is on the disk.
    Raises:
        WorkError: the folder or the output is gone, or the output cannot be written; what is done stays.
    """
    output = job.output
    with output.locked():
        output.sweep(())
        before = Earlier(output)
        watching = _Watching(job, arrivals, scaling, Done([], output.table()), before, notice, separate)
        done = watching.done
        try:
            try:
                is_new = True
                while True:
                    is_new |= watching.look()
                    if is_new:
                        so_far = before.and_(done)
                        write(output, so_far, finished=False)
                        tell(so_far)
                    is_new = False
                    (wait or time.sleep)(EVERY_S)
            except KeyboardInterrupt:
                done.failures += arrivals.waiting()
                write(output, before.and_(done), finished=True)
        except WorkError as error:
            if gone := output.gone():
                raise WorkError(
                    f"the output folder {printable(str(gone))!r} is gone, with what was done: give the same command "
                    "again, which predicts all images anew"
                ) from error
            whole = done
            with suppress(WorkError):  # of a full disk: the table of before stays
                whole = before.and_(done)
                write(output, whole, finished=False)
            n_images = len(whole.images)
            raise stopped(error, output, f"{many(n_images, 'image')} {'is' if n_images == 1 else 'are'}") from error
        return before.and_(done)


@dataclass(frozen=True)
class _Made:
    """What was predicted of a file, and how many of these images an earlier command had done."""

    images: tuple[Image, ...]
    n_kept: int


@dataclass
class _Watching:
    job: Job
    arrivals: Arrivals
    scaling: Scaling
    done: Done
    before: Earlier
    notice: Notice
    separate: bool
    made: dict[Path, _Made] = field(default_factory=dict)

    def look(self) -> bool:
        """Do what is whole, and tell whether anything is new."""
        is_new = False
        for arrived in self.arrivals.look():
            if isinstance(arrived, Failure):
                self.done.failures.append(arrived)
                is_new = True
            else:
                is_new |= self._do(arrived)
        self.notice((), self.arrivals.left_out)
        return is_new

    def _do(self, arrived: Arrival) -> bool:
        """Predict a file; what cannot be read and may still be on its way is left for the next look."""
        images, done, made = arrived.images, self.done, self.made.get(arrived.path)
        if len(images) > 1 and not arrived.is_late and (fault := _fault(self.job, images)):
            self.arrivals.left(arrived, fault)
            return False  # of a stack that is cut off no plane is predicted
        if made is not None:
            self._forget(arrived.path, made)
        self.before.drop({printable(image.name) for image in images})
        self.notice(images, ())
        names = {printable(str(arrived.path)), *(image.shown for image in images)}
        before = [failure for failure in done.failures if failure.shown not in names]
        done.failures[:] = before
        n_done, n_kept = len(done.images), done.kept
        self._predict(arrived)
        if self.arrivals.has_changed(arrived):  # the labels may be of what it was before
            done.failures[:] = before
            self._forget(arrived.path, _Made(images, done.kept - n_kept))
            return True
        if len(done.images) > n_done:
            self.made[arrived.path] = _Made(images, done.kept - n_kept)
            self.arrivals.done(arrived)
        elif arrived.is_late:
            self.arrivals.told(arrived)
        else:
            self.arrivals.left(arrived, done.failures[len(before)].why)
            done.failures[:] = before
            return made is not None
        return True

    def _predict(self, arrived: Arrival) -> None:
        """Predict all images of a file, and make one file of a stack's labels if it is still the same."""
        job, done, images, n_failures = self.job, self.done, arrived.images, len(self.done.failures)
        job.output.take(images, separate=self.separate)
        sizes = scale.pixel_sizes(images, self.scaling.pixel_size_um)
        for image in images:
            one, rescale = {image.name: sizes[image.name]}, self.scaling.rescale
            try:
                zoom = scale.zooms(job.engine.card, one, rescale=rescale)[image.name]
            except CellpruneError as error:
                done.failures.append(Failure(image.shown, str(error)))
            else:
                job.do(image, done, sizes[image.name], zoom, lambda what: None)
        if len(done.failures) > n_failures or images[0].stack not in job.output.stacks:
            return
        try:
            join(job.output, images, done, sizes[images[0].name])
        except WorkError:
            if not self.arrivals.has_changed(arrived):
                raise

    def _forget(self, path: Path, made: _Made) -> None:
        """Take away what was made of a file that became another: what is said of it, its rows and its labels."""
        done, shown = self.done, {image.shown for image in made.images}
        names = {printable(image.name) for image in made.images}
        rows = self.job.output.table()
        rows.add(row for row in done.rows if row["image"] not in shown)
        done.rows = rows
        done.images[:] = [image for image in done.images if image["name"] not in names]
        done.failures[:] = [failure for failure in done.failures if failure.shown not in shown]
        done.tiled[:] = [name for name in done.tiled if name not in names]
        done.blank[:] = [name for name in done.blank if name not in names]
        done.grey[:] = [name for name in done.grey if name not in shown]
        done.kept -= made.n_kept
        self.made.pop(path, None)
        self.job.output.remove(made.images)


def _fault(job: Job, images: Sequence[Image]) -> str | None:
    """Say why an image of a file cannot be read; None where all can."""
    try:
        for image in images:
            image.levels(channels=job.engine.card.in_channels)
    except ImageError as error:
        return str(error)
    return None
