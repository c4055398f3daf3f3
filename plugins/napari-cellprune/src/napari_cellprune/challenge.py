"""A folder of the Cell Tracking Challenge as layers: of each sequence the images, truth, result and tracks.

    NAME/01                     images
    NAME/01_GT/SEG              truth; empty in the frames that nobody outlined
    NAME/01_GT/TRA              the true tracks, with man_track.txt
    NAME/01_RES                 result, and its tracks, with res_track.txt

Frames stand in the order of their numbers, in tracks as in images.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cellprune.data.cells import ctc
from cellprune.data.cells.frames import Dataset
from cellprune.data.open import open_dataset
from cellprune.data.sets import cards
from cellprune.files.listing import names
from cellprune.images.read import read_header
from cellprune.lab.scale import Scale
from cellprune.wording import many
from napari_cellprune.layers import LayerData, Plane, image_layer, labels_layer, tracks_layer

_FRAME = re.compile(r"t\d{3,4}\.tif")
_TRACKS = "res_track.txt"


def is_one(path: Path) -> bool:
    """Tell whether a folder is one of the challenge's, or one of its sequences; there are frames in it."""
    return bool(_meant(path)[1])


def layers(path: Path) -> list[LayerData]:
    """Give the layers of a whole data set, of which the first sequence is shown, or of one sequence.

    Raises:
        CellpruneError: a set that `cellprune data check` would refuse, or a file that cannot be read.
    """
    folder, sequences = _meant(path)
    dataset = open_dataset(f"{folder}/")
    if folder.name in cards.names():  # its files may not say how large a pixel is
        dataset = replace(dataset, pixel_size_um=cards.card(folder.name).pixel_size_um or dataset.pixel_size_um)
    made: list[LayerData] = []
    for name in sequences:
        hidden = {"visible": False} if made else {}
        made += [(data, said | hidden, kind) for data, said, kind in _of_sequence(dataset, name)]
    return made


def _meant(path: Path) -> tuple[Path, list[str]]:
    """Give the folder of the data set that a path means, and the sequences of it; none where it is no such folder."""
    folder = path.resolve()
    if folder.name in ctc.sequences(folder.parent) and _has_frames(folder):
        return folder.parent, [folder.name]
    return folder, [name for name in ctc.sequences(folder) if _has_frames(folder / name)]


def _has_frames(folder: Path) -> bool:
    return any(_FRAME.fullmatch(name) for name in names(folder))


def _of_sequence(dataset: Dataset, name: str) -> Iterator[LayerData]:
    frames = [frame for frame in dataset.frames if frame.sequence == name]
    size, pixel_size_um = read_header(frames[0].image).size, dataset.pixel_size_um
    yield image_layer(f"{name} image", [Plane(frame.image) for frame in frames], pixel_size_um)
    if n_gold := sum(frame.gold is not None for frame in frames):
        title = f"{name} truth ({n_gold} of {many(len(frames), 'frame')})" if n_gold < len(frames) else f"{name} truth"
        truth = [Plane(frame.gold) if frame.gold else None for frame in frames]
        yield labels_layer(title, truth, size, pixel_size_um)
    at_time = {frame.number: at for at, frame in enumerate(frames)}
    markers = {at: Plane(frame.markers) for at, frame in enumerate(frames) if frame.markers}
    if markers:
        yield from _tracks(f"{name} true tracks", markers, ctc.tracks_path(dataset.root, name), pixel_size_um)
    folder = dataset.root / f"{name}_RES"
    results = {at_time[at]: Plane(file) for at, file in ctc.results_in(folder, name).items() if at in at_time}
    if results:
        planes = [results.get(at) for at in range(len(frames))]
        yield labels_layer(f"{name} result", planes, size, pixel_size_um)
        if (file := folder / _TRACKS).is_file():
            yield from _tracks(f"{name} tracks", results, file, pixel_size_um)


def _tracks(title: str, planes: Mapping[int, Plane], file: Path, pixel_size_um: Scale | None) -> list[LayerData]:
    """Give the tracks of images whose numbers are those of tracks; without their file nobody's parents are known."""
    listed = ctc.tracks(file) if file.is_file() else {}
    parent_of = {track.label: track.parent for track in listed.values() if track.parent}
    return tracks_layer(title, {at: plane.labels for at, plane in planes.items()}, parent_of, pixel_size_um)
