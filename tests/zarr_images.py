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
    chunk: int | None = None,
    smaller: Sequence[NDArray] = (),
    **words: object,
) -> Path:
    """Write an image, one chunk per plane, or squares of some pixels; `smaller` levels have twice the scale each."""
    unit_of = {"unit": unit} if unit else {}
    named = [{"name": one, "type": TYPES.get(one, "space")} | (unit_of if one in "zyx" else {}) for one in axes]
    levels = [pixels, *smaller]
    multiscale: dict[str, object] = {
        "axes": named,
        "datasets": [
            {"path": str(n), "coordinateTransformations": [] if scale is None else [_scale(axes, scale, 2**n)]}
            for n in range(len(levels))
        ],
    }
    if version == "0.4":
        multiscale["version"] = version
    say(folder, {"multiscales": [multiscale], **words}, version)
    more = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if version == "0.4" else {}
    for n, level in enumerate(levels):
        sizes = zip(axes, level.shape, strict=True)
        array = zarr.create_array(
            store=str(folder / str(n)), shape=level.shape, dtype=level.dtype,
            chunks=tuple(min(chunk or size, size) if axis in "yx" else 1 for axis, size in sizes),
            zarr_format=2 if version == "0.4" else 3, **more,
        )  # fmt: skip
        array[...] = level
    return folder


def _scale(axes: str, scale: Sequence[float], factor: int) -> dict[str, object]:
    # a scale of too few numbers stays one
    return {"type": "scale", "scale": [n * factor if axis in "yx" else n for axis, n in zip(axes, scale, strict=False)]}


def write_plate(folder: Path, wells: Mapping[str, Sequence[NDArray]], *, version: str = "0.4") -> Path:
    """Write a plate of wells, such as "A/1", with images of rows and columns."""
    say(folder, {"plate": {"version": version, "wells": [{"path": well} for well in wells]}}, version)
    for well, images in wells.items():
        named = [{"path": str(at)} for at in range(len(images))]
        say(folder / well, {"well": {"version": version, "images": named}}, version)
        for at, pixels in enumerate(images):
            write_zarr(folder / well / str(at), pixels, version=version, scale=(0.5, 0.5))
    return folder
