"""A folder that a running microscope writes into: its images are predicted as they come, until the user ends it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.read import ImageError
from cellprune.lab import scale
from cellprune.lab.arrivals import EVERY_S, Arrival, Arrivals
from cellprune.lab.gathering import Failure
from cellprune.lab.inputs import Image
from cellprune.lab.job import Done, Job, join, stopped, write
from cellprune.wording import many

Tell = Callable[[Done], None]


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
    wait: Callable[[float], None] | None = None,
) -> Done:
    """Predict the images that are in a folder and those that come, until Ctrl-C.

    The table and the record are written whenever nothing is left to do for now.

    Args:
        job: how.
        arrivals: of the folder.
        scaling: how images are zoomed.
        separate: whether the labels of a stack stay one file each.
        tell: told what is done so far, whenever it begins to wait.
        wait: waits for some seconds; None for the clock.
    Returns:
        What came of it; all of it is on the disk.
    Raises:
        WorkError: the folder is gone, or the output cannot be written; what is done stays.
    """
    output = job.output
    with output.locked():
        output.sweep(())
        done, is_new = Done([], output.table()), True
        try:
            while True:
                for arrived in arrivals.look():
                    n_before = len(done.images) + len(done.failures)
                    if isinstance(arrived, Failure):
                        done.failures.append(arrived)
                    else:
                        _do(job, arrivals, arrived, scaling, done, separate=separate)
                    is_new |= len(done.images) + len(done.failures) > n_before
                if is_new:
                    write(output, done, finished=False)
                    tell(done)
                is_new = False
                (wait or time.sleep)(EVERY_S)
        except KeyboardInterrupt:
            write(output, done, finished=True)
        except WorkError as error:
            with suppress(WorkError):  # of a full disk: the table of before stays
                write(output, done, finished=False)
            so_far = f"{many(len(done.images), 'image')} {'is' if len(done.images) == 1 else 'are'}"
            raise stopped(error, output, so_far) from error
    return done


def _do(job: Job, arrivals: Arrivals, arrived: Arrival, scaling: Scaling, done: Done, *, separate: bool) -> None:
    """Predict a file; what cannot be read and may still be on its way is left for the next look."""
    images, n_done = arrived.images, len(done.images)
    if len(images) > 1 and not arrived.is_late and not _are_whole(job, images):
        return  # of a stack that is cut off no plane is predicted
    names = {str(arrived.path), *(image.shown for image in images)}
    before = [failure for failure in done.failures if failure.shown not in names]
    done.failures[:] = before
    job.output.take(images, separate=separate)
    sizes = scale.pixel_sizes(images, scaling.pixel_size_um)
    for image in images:
        try:
            zoom = scale.zooms(job.engine.card, {image.name: sizes[image.name]}, rescale=scaling.rescale)[image.name]
        except CellpruneError as error:
            done.failures.append(Failure(image.shown, str(error)))
        else:
            job.do(image, done, sizes[image.name], zoom, lambda what: None)
    if len(done.failures) == len(before) and images[0].stack in job.output.stacks:
        join(job.output, images, done, sizes[images[0].name])
    if len(done.images) > n_done:
        arrivals.done(arrived)
    elif arrived.is_late:
        arrivals.told(arrived)
    else:
        done.failures[:] = before


def _are_whole(job: Job, images: Sequence[Image]) -> bool:
    """Tell whether all planes of a stack can be read."""
    try:
        for image in images:
            image.levels(channels=job.engine.card.in_channels)
    except ImageError:
        return False
    return True
