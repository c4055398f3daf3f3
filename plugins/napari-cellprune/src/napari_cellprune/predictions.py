"""What `cellprune predict` and `cellprune track` wrote, as layers: labels, tracks, and the overlays as images.

A prediction does not know where its images are, so the overlays stand for them, where they were drawn.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.files.listing import listed
from cellprune.images.naming import is_image
from cellprune.images.read import read_header
from cellprune.lab.record import RECORD, shards_in
from cellprune.lab.recordings import recordings
from cellprune.lab.scale import Scale
from cellprune.lab.tracks import TABLE, TRACKED
from napari_cellprune.layers import LayerData, Plane, image_layer, labels_layer, tracks_layer

_LABELS, _OVERLAYS = "labels", "overlays"


def is_one(path: Path) -> bool:
    """Tell whether a folder is a prediction, perhaps in shards that are not merged yet, or tracks."""
    return (path / RECORD).is_file() or _has_tracks(path) or bool(shards_in(path))


def layers(path: Path) -> list[LayerData]:
    """Give the layers of a prediction: each recording, or all images of one size, is a stack; the first are shown.

    Raises:
        CellpruneError: nothing is done yet, or a file cannot be read.
    """
    made: list[LayerData] = []
    for layer_group in _of_recordings(path) if _has_tracks(path) else _of_images(path):
        hidden = {"visible": False} if made else {}
        made += [(data, said | hidden, kind) for data, said, kind in layer_group]
    return made


def _has_tracks(path: Path) -> bool:
    return (path / TABLE).is_file() and (path / TRACKED).is_dir()


def _of_recordings(path: Path) -> Iterator[list[LayerData]]:
    parents, found = _parents(path / TABLE), recordings([str(path / TRACKED)])
    for recording in found:
        # the table may have another name of a lone recording, that of the folder which the labels came from
        parent_of = parents.get(recording.name) or (next(iter(parents.values()), {}) if len(found) == 1 else {})
        planes = [Plane(image.path, image.plane) for image in recording.images]
        made = _of_planes(path, recording.name, planes, [image.name for image in recording.images])
        reads = {at: image.read for at, image in enumerate(recording.images)}
        size_um = recording.images[0].header.pixel_size_um
        yield made + tracks_layer(f"{recording.name} tracks", reads, parent_of, size_um)


def _parents(table: Path) -> dict[str, dict[int, int]]:
    """Read tracks.csv: recording -> track -> the track that divided into it and another."""
    parents: dict[str, dict[int, int]] = {}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                of_recording = parents.setdefault(line["sequence"], {})
                if line["parent"]:
                    of_recording[int(line["track"])] = int(line["parent"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CellpruneError(f"{table} is no table of tracks: run 'cellprune track' again") from error
    return parents


def _of_images(path: Path) -> Iterator[list[LayerData]]:
    groups: dict[tuple[int, int], list[Plane]] = {}
    there = listed(path / _LABELS) if (path / _LABELS).is_dir() else []
    files = [file.path for file in there if file.kind == "file" and is_image(file.name)]
    if not files:
        raise CellpruneError(f"{path} has no labels yet: run its 'cellprune predict' to the end")
    for file in files:
        header = read_header(file)
        if header.planes == 1:
            groups.setdefault(header.size, []).append(Plane(file))
            continue
        planes = [Plane(file, at) for at in range(header.planes)]
        digits = max(3, len(str(header.planes - 1)))
        yield _of_planes(path, file.stem, planes, [f"{file.stem}_t{at:0{digits}d}" for at in range(header.planes)])
    for planes in groups.values():
        name = planes[0].path.stem if len(planes) == 1 else path.resolve().name
        yield _of_planes(path, name, planes, [plane.path.stem for plane in planes])


def _of_planes(path: Path, name: str, planes: Sequence[Plane], stems: Sequence[str]) -> list[LayerData]:
    """Give the overlays, where all are there, and the labels."""
    header = read_header(planes[0].path)
    size_um, metadata = header.pixel_size_um, {"frames": list(stems)}
    made = [labels_layer(f"{name} cells", planes, header.size, size_um, metadata=metadata)]
    overlays = [Plane(path / _OVERLAYS / f"{stem}.png") for stem in stems]
    if all(overlay.path.is_file() for overlay in overlays):
        made.insert(0, _overlays(f"{name} overlays", overlays, header.size, size_um))
    return made


def _overlays(name: str, overlays: Sequence[Plane], size: tuple[int, int], pixel_size_um: Scale | None) -> LayerData:
    """Give the overlays so that they lie on the labels: of very large images they are smaller."""
    data, said, kind = image_layer(name, overlays, pixel_size_um)
    drawn = read_header(overlays[0].path).size
    if drawn == size:
        return data, said, kind
    outer, pixel = [1.0] * int(len(overlays) > 1), pixel_size_um or (1.0, 1.0)
    steps = [full / few * side for full, few, side in zip(size, drawn, pixel, strict=True)]
    # the centre of the first pixel is (0, 0), of large ones and of small ones
    begin = [(step - side) / 2 for step, side in zip(steps, pixel, strict=True)]
    return data, said | {"scale": (*outer, *steps), "translate": (*[0.0] * len(outer), *begin)}, kind
