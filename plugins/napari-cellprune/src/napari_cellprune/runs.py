"""A run as layers: the images that it was scored on, which its network had not seen, and their truth.

A run keeps no labels. Its network finds them again: the widget `Find cells` names the run for these layers.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from cellprune.data.cells.frames import CLASSES, Dataset, Frame
from cellprune.data.cells.split import from_written
from cellprune.data.open import open_dataset
from cellprune.data.sets.named import is_folder
from cellprune.errors import CellpruneError
from cellprune.images.read import read_header
from cellprune.runs.documents import read_yaml
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.split import FrameSplit
from napari_cellprune.layers import LayerData, Plane, image_layer, kind_of, labels_layer

MODEL = "cellprune model"  # in the metadata of a layer: the run whose images it shows


def is_one(path: Path) -> bool:
    """Tell whether a folder is a run."""
    return all((path / FILES[kind]).is_file() for kind in ("config", "split", "model"))


def layers(path: Path) -> list[LayerData]:
    """Give the layers of a run; images of other sizes are layers of their own, of which the first are shown.

    Raises:
        CellpruneError: a run without cells, or its data are not there any more, or have changed since.
    """
    written = Folder(path).read_split()
    if not isinstance(written, FrameSplit):
        raise CellpruneError(f"{path} is a run that tells classes of images apart, so it has no cells to show")
    dataset = _dataset(path)
    made: list[LayerData] = []
    for frames in _alike(from_written(written, dataset).report):
        made += _of_frames(path, dataset, frames, visible=not made)
    return made


def _dataset(path: Path) -> Dataset:
    """Open the data set of a run; a folder is looked for from where the run lies, too, and upwards from there."""
    config = read_yaml(path / FILES["config"])
    try:
        data = config["data"]
        named, classes = str(data["dataset"]), tuple(data.get("classes", CLASSES))
    except (LookupError, TypeError, AttributeError) as error:
        raise CellpruneError(f"{path / FILES['config']} names no data set: copy the run again") from error
    if not is_folder(named) or Path(named).expanduser().is_dir():
        return open_dataset(named, classes=classes)
    for above in path.resolve().parents:
        if (folder := above / named).is_dir():
            return open_dataset(f"{folder}/", classes=classes)
    raise CellpruneError(f"{path} learned from {named}, which is not there: bring the folder back, or open it alone")


def _alike(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Part frames by size and type, in the order of the first of each."""
    groups: dict[object, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(kind_of(read_header(frame.image)), []).append(frame)
    return list(groups.values())


def _of_frames(path: Path, dataset: Dataset, frames: list[Frame], *, visible: bool) -> Iterator[LayerData]:
    size = read_header(frames[0].image).size
    beside = "" if visible else f" {size[0]} x {size[1]}"
    metadata = {MODEL: str(path), "frames": [frame.id for frame in frames]}
    images = [Plane(frame.image) for frame in frames]
    truth = [Plane(frame.gold) if frame.gold else None for frame in frames]
    yield image_layer(f"held out{beside}", images, dataset.pixel_size_um, metadata=metadata, visible=visible)
    yield labels_layer(f"held out truth{beside}", truth, size, dataset.pixel_size_um, visible=visible)
