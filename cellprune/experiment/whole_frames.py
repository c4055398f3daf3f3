"""Frames that are learned from whole: the size that they are brought to, and when crops of them would do better."""

from collections.abc import Sequence
from pathlib import Path

from cellprune.config.model import Model
from cellprune.config.schema import Settings
from cellprune.data.batches import Loaders
from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.loaders import Loaders as CellLoaders
from cellprune.data.parts import Frames
from cellprune.data.proposal import STEP_PX, middle, proposal, shaped, too_small, zoom
from cellprune.data.sets.named import is_folder
from cellprune.images.read import read_header
from cellprune.runs import log

_STEP_OF_OTHERS_PX = 32  # most encoders halve an image five times


def is_size_open(settings: Settings, images: Path | None = None) -> bool:
    """Tell whether the frames decide to what size they are brought.

    They do in a user's own folder, where nobody says a size. A named set has its published protocol.

    Args:
        images: a user's folder that is learned from in the place of the data set.
    """
    are_own = images is not None or _are_own(settings)
    return are_own and _are_whole(settings) and "size" not in settings.data.model_fields_set


def with_size_told(settings: Settings, frames: Frames) -> Settings:
    """Give settings that say to what size whole frames are brought: one of their shape, of about the usual area."""
    if not isinstance(frames, Dataset) or not frames.frames:
        return settings
    sizes, usual = _sizes(frames), settings.data.size
    size = shaped(middle(sizes), usual, _step_px(settings.model))
    if size != usual:
        n_sizes, (height, width) = len(set(sizes)), middle(sizes)
        frames_of = f"of {height} x {width} px" + (f", the middle of {n_sizes} sizes," if n_sizes > 1 else "")
        log.warn_once(
            f"note: frames {frames_of} are resized to {size[0]} x {size[1]} px, which keeps their shape: --data.size "
            "HEIGHT WIDTH gives another size"
        )
    return settings.model_copy(update={"data": settings.data.model_copy(update={"size": size})})


def advice(settings: Settings, frames: Frames, loaders: Loaders) -> list[str]:
    """Say what `data check` says of frames that are few or unlike, or of small cells, where frames are learned whole.

    Args:
        loaders: of the run; the cells are those of its training part.
    Returns:
        One line, or none.
    """
    if not (_are_own(settings) and _are_whole(settings)):
        return []
    if not isinstance(frames, Dataset) or not isinstance(loaders, CellLoaders):
        return []
    cells, sizes = loaders.card.cells, _sizes(frames)
    diameter_px = cells.diameter_px if cells else None
    crops = proposal(sizes, diameter_px, sum(frame.silver is not None for frame in frames.frames))
    if crops or diameter_px is None:
        return [crops] if crops else []
    return too_small(diameter_px * zoom(middle(sizes), settings.data.size), sizes, settings.data.size)


def _are_own(settings: Settings) -> bool:
    return settings.data.is_own or is_folder(settings.data.dataset)


def _are_whole(settings: Settings) -> bool:
    return settings.task == "segmentation" and settings.data.crop is None


def _sizes(dataset: Dataset) -> Sequence[tuple[int, int]]:
    """Give the (height, width) of each annotated frame."""
    return [read_header(frame.image).size for frame in dataset.gold_frames or dataset.frames]


def _step_px(model: Model) -> int:
    """Give what the sides of an image are multiples of, so that the network halves them without rest."""
    return max(STEP_PX, 2**model.depth) if model.name == "unet" else _STEP_OF_OTHERS_PX
