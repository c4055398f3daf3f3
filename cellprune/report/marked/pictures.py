"""The pictures of a run's cells: the best, the median and the worst image, and the worst places of all, enlarged."""

import base64
from collections.abc import Sequence

from cellprune.evaluation.cells import CELL_SCORES
from cellprune.report.marked import closeups
from cellprune.report.marked.image import ImageCells
from cellprune.report.marked.panels import panels
from cellprune.report.pictures import ranked
from cellprune.runs.scores import CellPictures, CloseUpPicture, FramePicture

_FRAME_PX, _CLOSEUP_PX = 560, 300  # the longer side of each of two panels


def draw(images: Sequence[ImageCells]) -> CellPictures:
    """Draw the images that show the range of the results, and the worst places."""
    by_id = {image.id: image for image in images}
    shown = ranked([(CELL_SCORES["seg"].of(image.judged.count), image.id) for image in images])
    return CellPictures(
        frames=tuple(FramePicture(name, rank, _frame(by_id[name])) for rank, name, _ in shown),
        closeups=tuple(_closeup(closeup) for closeup in closeups.worst(images)),
        n_errors=sum(len(image.faults) for image in images),
    )


def _frame(image: ImageCells) -> str:
    height, width = image.shape
    return _base64(panels(image, (slice(0, height), slice(0, width)), longest_px=_FRAME_PX))


def _closeup(closeup: closeups.CloseUp) -> CloseUpPicture:
    image, fault, (rows, columns), box = closeup
    return CloseUpPicture(
        id=image.id,
        error=fault.error,
        n_true=len(fault.true),
        n_found=len(fault.found),
        x=(columns.start + columns.stop) // 2,
        y=(rows.start + rows.stop) // 2,
        png=_base64(panels(image, box, longest_px=_CLOSEUP_PX)),
    )


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode()
