"""What `cellprune predict --watch` shows while it waits for images."""

from collections import Counter
from typing import TYPE_CHECKING

from cellprune.cli import terminal
from cellprune.wording import many, printable

if TYPE_CHECKING:
    from cellprune.lab.arrivals import Arrivals
    from cellprune.lab.gathering import Failure
    from cellprune.lab.job import Done, Job
    from cellprune.lab.watching import Scaling


def watched(job: "Job", arrivals: "Arrivals", scaling: "Scaling", *, separate: bool) -> "Done":
    """Predict what is in a folder and what comes into it, until Ctrl-C; say how far it is whenever it waits.

    Raises:
        WorkError: see `lab.watching.watch`, as for the arguments.
    """
    from cellprune.lab.watching import watch

    said: Counter[Failure] = Counter()

    def tell(done: "Done") -> None:
        nonlocal said
        failures = Counter(done.failures)
        for failure in failures - said:
            terminal.tell(f"not done: {failure.why}")
        said = failures
        far = f"{many(len(done.rows), 'cell')} in {many(len(done.images), 'image')}"
        terminal.tell(f"{far}; waiting for images in {printable(str(arrivals.folder))} (Ctrl-C ends)")

    return watch(job, arrivals, scaling, separate=separate, tell=tell)
