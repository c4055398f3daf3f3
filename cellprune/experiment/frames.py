"""Images with which a trained network is exported: to compare it on, and to take the ranges of its numbers from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from cellprune.data.cells.reader import item, native
from cellprune.data.cells.split import from_written
from cellprune.data.open import open_dataset
from cellprune.data.sets.named import is_folder
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier
from cellprune.export import simulated
from cellprune.export.parity import Example
from cellprune.images.read import read_image
from cellprune.lab.engine import Floats
from cellprune.lab.inputs import find
from cellprune.runs import log, modelfile
from cellprune.runs.finished import finished
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.split import FrameSplit
from cellprune.targets.classes import encode

Entry = TypeVar("Entry")

_COMPARED, _CALIBRATED = 8, 32  # frames
_NO_FRAMES = (
    "int8 takes the ranges of a network's numbers from images: add --calibrate FOLDER, with images like those to be "
    "predicted"
)


def to_compare(model: Path, ranges: Sequence[Floats], data_root: Path | None = None) -> tuple[list[Example], str]:
    """Give images to compare a network on, and say which these are.

    Args:
        model: a run folder, whose held-out frames are the best there are, or a model file.
        ranges: images that int8 is made from: the next best.
        data_root: where named sets live.
    Raises:
        CellpruneError: the run is not finished, or the model file cannot be read, or is of no network for cells.
    """
    header = modelfile.read(finished(model).file("model") if model.is_dir() else model)[0]
    read_card(header, model)
    if model.is_dir():
        try:
            return _frames(model, "report", _COMPARED, data_root), "held-out frames of the run"
        except CellpruneError as error:
            log.LOGGER.warning("note: the held-out frames of %s cannot be read: %s", model, error)
    if ranges:
        return [Example(image) for image in _spread(ranges, _COMPARED)], "images that the ranges are from"
    return simulated.examples(header), "simulated cells"


def to_take_ranges_from(model: Path, source: str | None, data_root: Path | None = None) -> list[Floats]:
    """Give the images from which int8 takes its ranges; never frames that a run holds out.

    Args:
        model: a run folder or a model file.
        source: a folder of images or a data set; None for what the run learned from.
        data_root: where named sets live.
    Raises:
        CellpruneError: the run is not finished, there are no such images, or they do not fit the network.
    """
    run = finished(model) if model.is_dir() else None
    own = None if run is None else earlier.settings_of(run).data.dataset
    if source is None or source == own:
        if run is None:
            raise CellpruneError(_NO_FRAMES)
        try:
            return [example.image for example in _frames(model, "train", _CALIBRATED, data_root)]
        except CellpruneError as error:
            raise CellpruneError(f"{_NO_FRAMES} ({error})") from error
    channels = read_card(modelfile.read(model if run is None else run.file("model"))[0], model).in_channels
    if is_folder(source):
        named = [(image.path, image.plane) for image in find([source])[0]]
    else:
        named = [(frame.image, None) for frame in open_dataset(source, data_root=data_root).gold_frames]
    images = [read_image(path, plane, channels=channels) for path, plane in _spread(named, _CALIBRATED)]
    for image, (path, _) in zip(images, _spread(named, _CALIBRATED), strict=True):
        if len(image) != channels:
            raise CellpruneError(f"{path} has {len(image)} channels, the model takes {channels}: give others")
    return images


def learned(model: Path, data_root: Path | None = None) -> list[Floats]:
    """Give images that a run learned from; none for a model file, or where the run's data are not here.

    Raises:
        CellpruneError: the run is not finished, or of no network for cells.
    """
    if not model.is_dir():
        return []
    read_card(finished(model).read_model()[0], model)
    try:
        return [example.image for example in _frames(model, "train", _CALIBRATED, data_root)]
    except CellpruneError as error:
        log.LOGGER.warning("note: the frames that %s learned from cannot be read: %s", model, error)
        return []


def _frames(path: Path, part: Literal["report", "train"], most: int, data_root: Path | None) -> list[Example]:
    """Read at most so many frames of a finished run, from the first to the last of a part."""
    folder = Folder(path)
    card = read_card(folder.read_model()[0], path)
    data, _ = earlier.data_of(earlier.settings_of(folder), None)
    written = folder.read_split()
    assert isinstance(written, FrameSplit)  # for its card gives maps
    parts = from_written(written, open_dataset(data.dataset, data_root=data_root, classes=data.classes))
    read = native(parts.policy_of("report"), card, ignore_border_px=0)
    made = (read(item(frame)) for frame in _spread([f for f in parts.part(part) if f.gold], most))
    return [Example(one["raw"], encode(one["labels_native"], len(card.classes))) for one in made]


def _spread(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Take at most so many, evenly from the first to the last."""
    n = min(most, len(entries))
    return [entries[at * (len(entries) - 1) // max(1, n - 1)] for at in range(n)]
