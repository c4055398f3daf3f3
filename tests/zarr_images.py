"""OME-Zarrs, written by hand with zarr alone, so that each word in them can be another one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import zarr
from numpy.typing import NDArray

TYPES = {"t": "time", "c": "channel"}


def say(folder: Path, words: Mapping[str, object], version: str = "0.4") -> None:
    """Write what a group says of itself, where its version has it."""
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(words))
    else:
        said = {"ome": {"version": version, **words}}
        (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": said}))


def write_zarr(
    folder: Path,
    pixels: NDArray,
    axes: str = "yx",
    *,
    version: str = "0.4",
    scale: Sequence[float] | None = None,
    unit: str | None = "micrometer",
    **words: object,
) -> Path:
    """Write an image of one level, one chunk per plane."""
    unit_of = {"unit": unit} if unit else {}
    named = [{"name": one, "type": TYPES.get(one, "space")} | (unit_of if one in "zyx" else {}) for one in axes]
    transformations = [] if scale is None else [{"type": "scale", "scale": list(scale)}]
    multiscale = {"axes": named, "datasets": [{"path": "0", "coordinateTransformations": transformations}]}
    if version == "0.4":
        multiscale["version"] = version
    say(folder, {"multiscales": [multiscale], **words}, version)
    chunks = tuple(size if axis in "yx" else 1 for axis, size in zip(axes, pixels.shape, strict=True))
    more = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if version == "0.4" else {}
    array = zarr.create_array(
        store=str(folder / "0"), shape=pixels.shape, dtype=pixels.dtype, chunks=chunks,
        zarr_format=2 if version == "0.4" else 3, **more,
    )  # fmt: skip
    array[...] = pixels
    return folder


def write_plate(folder: Path, wells: Mapping[str, Sequence[NDArray]], *, version: str = "0.4") -> Path:
    """Write a plate of wells, such as "A/1", with images of rows and columns."""
    say(folder, {"plate": {"version": version, "wells": [{"path": well} for well in wells]}}, version)
    for well, images in wells.items():
        named = [{"path": str(at)} for at in range(len(images))]
        say(folder / well, {"well": {"version": version, "images": named}}, version)
        for at, pixels in enumerate(images):
            write_zarr(folder / well / str(at), pixels, version=version, scale=(0.5, 0.5))
    return folder
