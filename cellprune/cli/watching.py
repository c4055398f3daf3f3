"""What `cellprune predict --watch` shows while it waits for images."""

from collections import Counter
from typing import TYPE_CHECKING

from cellprune.cli import terminal
from cellprune.wording import many, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cellprune.lab.arrivals import Arrivals
    from cellprune.lab.gathering import Failure
    from cellprune.lab.inputs import Image
    from cellprune.lab.job import Done, Job
    from cellprune.lab.watching import Scaling
    from cellprune.runs.modelcard import ModelCard


class Notices:
    """What is to be known of images that come: each kind is said once, with the first file.

    Args:
        card: of the model.
        scaling: how images are zoomed.
        there: images that were there, of which all is said.
        left_out: what was left out as labels, of which all is said.
        said: the warnings so far; those of a watch are added.
    """

    def __init__(
        self,
        card: "ModelCard",
        scaling: "Scaling",
        there: "Sequence[Image]",
        left_out: "Sequence[str]",
        said: list[str],
    ) -> None:
        self._card = card
        self._scaling = scaling
        self._said = said
        self._kinds = {kind for image in there for kind, _ in self._of(image)}
        self._leaves_out = bool(left_out)

    def tell(self, images: "Sequence[Image]", left_out: "Sequence[str]") -> None:
        """Warn of what is new in images that came, and in what is left out."""
        from cellprune.lab.inputs import note_of_labels

        for image in images:
            for kind, line in self._of(image):
                if kind not in self._kinds:
                    self._kinds.add(kind)
                    self._warn(line)
        if not self._leaves_out and (note := note_of_labels(left_out)):
            self._leaves_out = True
            self._warn(note)

    def _warn(self, line: str) -> None:
        self._said.append(line)
        terminal.tell(f"warning: {line}")

    def _of(self, image: "Image") -> "Iterator[tuple[str, str]]":
        """Give what is to be said of an image, each with what is the same of others."""
        from cellprune.lab import scale
        from cellprune.lab.inputs import notes

        given = self._scaling.pixel_size_um
        sizes = scale.pixel_sizes([image], given)
        doubt = None if self._scaling.rescale else scale.warning(self._card, sizes)
        for line in filter(None, (*notes([image]), scale.overridden([image], given), doubt)):
            yield line.removeprefix(image.shown).removeprefix(image.name), line


def watched(job: "Job", arrivals: "Arrivals", scaling: "Scaling", notices: Notices, *, separate: bool) -> "Done":
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

    return watch(job, arrivals, scaling, separate=separate, tell=tell, notice=notices.tell)
