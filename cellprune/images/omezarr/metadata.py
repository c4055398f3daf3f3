"""The words of an OME-Zarr, versions 0.4 and 0.5: an image's axes and the size of its pixels, a plate's wells.

Source: the OME-NGFF specifications 0.4 and 0.5 (https://ngff.openmicroscopy.org).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cellprune.images.header import ImageError
from cellprune.runs import atomic
from cellprune.wording import quoted, reason

Version = Literal["0.4", "0.5"]

_OWN = "cellprune"  # beside the words of the specification
_MOST_BYTES = 2**26  # of metadata; those of a plate of 1,536 wells have a hundredth of it
_UM_PER_UNIT = {
    "picometer": 1e-6, "angstrom": 1e-4, "nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "centimeter": 1e4,
    "meter": 1e6, "inch": 25400.0,
}  # fmt: skip


def _inside(path: str) -> str:
    """Give a path that leads further in, never out."""
    if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path:
        raise ValueError(f"{path!r} is no path inside")
    return path


_Inside = Annotated[str, AfterValidator(_inside)]


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Axis(_Words):
    """One axis; lengths have units."""

    name: str
    type: str | None = None
    unit: str | None = None


class Transformation(_Words):
    """How numbers of pixels become places."""

    type: str
    scale: list[float] | None = None
    translation: list[float] | None = None


class Dataset(_Words):
    """One level of a pyramid: its array, and its pixels."""

    path: _Inside
    coordinate_transformations: list[Transformation] = Field([], alias="coordinateTransformations")


class Multiscale(_Words):
    """An image at several sizes, the largest first."""

    axes: list[Axis]
    datasets: list[Dataset] = Field(min_length=1)
    coordinate_transformations: list[Transformation] = Field([], alias="coordinateTransformations")

    @property
    def scale(self) -> list[float]:
        """Size of a pixel of the largest level along each axis, in its unit; NaN where it is not said."""
        sizes = [1.0] * len(self.axes)
        said = [one.scale for one in self.datasets[0].coordinate_transformations if one.scale is not None]
        for scale in [*said, *(one.scale for one in self.coordinate_transformations if one.scale is not None)]:
            if len(scale) != len(sizes):
                return [float("nan")] * len(sizes)
            sizes = [a * b for a, b in zip(sizes, scale, strict=True)]
        return sizes if said else [float("nan")] * len(sizes)


class Part(_Words):
    """A well of a plate, or an image of a well."""

    path: _Inside


class Plate(_Words):
    """The wells of a plate."""

    wells: list[Part]


class Well(_Words):
    """The images of a well."""

    images: list[Part]


class Channel(_Words):
    """One channel, as a viewer names it."""

    label: str | None = None


class Omero(_Words):
    """How a viewer shows the image."""

    channels: list[Channel] = []


class Words(_Words):
    """What a folder of an OME-Zarr says of itself."""

    multiscales: list[Multiscale] | None = None
    plate: Plate | None = None
    well: Well | None = None
    omero: Omero = Omero()
    of_image: object = Field(None, alias="image-label")
    series: int | None = Field(None, alias="bioformats2raw.layout")


class _OfVersion(_Words):
    version: str | None = None


class _Versions(_OfVersion):
    multiscales: list[_OfVersion] = []
    plate: _OfVersion = _OfVersion()
    well: _OfVersion = _OfVersion()


def read(folder: Path) -> tuple[Words, Version]:
    """Read what a folder says of itself.

    Raises:
        ImageError: it says nothing, is damaged, or of a version that is not read.
    """
    attributes = _attributes(folder)
    if attributes is None:
        raise ImageError(f"{folder} holds no .zattrs and no zarr.json, so it is no whole OME-Zarr: copy it again")
    usual: Version = "0.5" if (folder / "zarr.json").is_file() else "0.4"
    said = _under(attributes, "ome") if usual == "0.5" else attributes
    try:
        versions = _Versions.model_validate(said)
        stated = [versions, *versions.multiscales, versions.plate, versions.well]
        version = next((one.version for one in stated if one.version is not None), usual)
        if version != usual:
            raise ImageError(
                f"{folder} is an OME-Zarr of version {quoted(version)}; 0.4 (in .zattrs) and 0.5 (in zarr.json) are "
                "read: save it as one of them"
            )
        return Words.model_validate(said), usual
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ImageError(
            f"{folder} has damaged metadata ({where}: {reason(ValueError(first['msg']))}): save it again"
        ) from error


def own_words(folder: Path) -> object:
    """Give what cellprune said of a folder; nothing where it did not."""
    return _under(_attributes(folder), _OWN)


def write(folder: Path, words: dict[str, object], version: Version, *, own: dict[str, object]) -> None:
    """Make a folder a group of a Zarr, and write what it says of itself.

    Args:
        words: of the specification.
        own: of cellprune.
    Raises:
        WorkError: the disk is full, or the folder cannot be written.
    """
    of_specification = words if version == "0.4" else {"ome": {"version": version, **words}}
    _write(folder, {**of_specification, _OWN: own}, version)


def _write(folder: Path, attributes: dict[str, object], version: Version) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        atomic.write_text(folder / ".zgroup", json.dumps({"zarr_format": 2}))
        atomic.write_text(folder / ".zattrs", json.dumps(attributes, indent=2))
        return
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    atomic.write_text(folder / "zarr.json", json.dumps(group, indent=2))


def words_of_labels(
    image: Multiscale, levels: Sequence[Mapping[str, int]], name: str, version: Version
) -> dict[str, object]:
    """Say what labels of an image are: some of its axes, its pixels at each size, and where it is.

    Args:
        levels: the size along each axis that labels have, by its letter, of each level.
    """
    letters = [axis.name.upper() for axis in image.axes]
    kept = [letters.index(axis) for axis in levels[0]]

    def of_kept(transformations: list[Transformation]) -> list[dict[str, object]]:
        numbers = [(one.type, one.scale if one.scale is not None else one.translation) for one in transformations]
        return [
            {"type": type_, type_: [said[at] for at in kept]}
            for type_, said in numbers
            if said is not None and len(said) == len(letters)  # others are of no use, as to who reads the image
        ]

    def of_level(number: int) -> list[dict[str, object]]:
        if own := of_kept(image.datasets[number].coordinate_transformations):
            return own
        return [{"type": "scale", "scale": [levels[0][axis] / size for axis, size in levels[number].items()]}]

    of_all = of_kept(image.coordinate_transformations)
    stated = {"version": version} if version == "0.4" else {}
    multiscale = {
        "name": name,
        "axes": [image.axes[at].model_dump(exclude_none=True) for at in kept],
        "datasets": [
            {"path": str(number), "coordinateTransformations": of_level(number)} for number in range(len(levels))
        ],
        **({"coordinateTransformations": of_all} if of_all else {}),
        **stated,
    }
    return {"multiscales": [multiscale], "image-label": {"source": {"image": "../../"}, **stated}}


def listed_labels(folder: Path) -> list[object]:
    """Give the names that an image's folder of labels lists; none where there is no such folder.

    Raises:
        ImageError: what it says is damaged.
    """
    said = _attributes(folder)
    names = _under(_under(said, "ome") if (folder / "zarr.json").is_file() else said, "labels") or []
    if not isinstance(names, list):
        raise ImageError(f"{folder} has damaged metadata (labels: no list of names): mend or remove its JSON file")
    return names


def list_labels(folder: Path, name: str, version: Version) -> None:
    """Name labels among those of an image, and keep all else that its folder of labels says.

    Raises:
        ImageError: see `listed_labels`.
        WorkError: the disk is full, or the folder cannot be written.
    """
    names = listed_labels(folder)
    if name in names:
        return
    listed: dict[str, object] = {"labels": [*names, name]}
    attributes = _said(_attributes(folder))
    if version == "0.4":
        _write(folder, attributes | listed, version)
    else:
        words = {"version": version} | _said(attributes.get("ome")) | listed
        _write(folder, attributes | {"ome": words}, version)


def consolidated(folder: Path) -> set[str]:
    """Give the places that a folder's consolidated metadata describe; none where it has no such metadata."""
    if (folder / "zarr.json").is_file():
        said = _under(_under(_json(folder / "zarr.json"), "consolidated_metadata"), "metadata")
        return set(_said(said))
    said = _under(_json(folder / ".zmetadata"), "metadata") if (folder / ".zmetadata").is_file() else {}
    return {name.rpartition("/")[0] for name in _said(said)}


def axes_of(image: Multiscale, folder: Path) -> str:
    """Give the letters of an image's axes.

    Raises:
        ImageError: other axes than time, slices, channels, rows and columns, or one of them twice.
    """
    names = [axis.name.upper() for axis in image.axes]
    shown = ", ".join(axis.name for axis in image.axes)
    if set(names) - set("TZCYX") or len(set(names)) != len(names) or not {"Y", "X"} <= set(names):
        raise ImageError(
            f"{folder} has the axes {quoted(shown)}; t, z, c, y and x are read, y and x are needed: save it with these"
        )
    return "".join(names)


def um_of(image: Multiscale, axes: str) -> tuple[float | None, float | None]:
    """Give the size of a pixel (y, x) in um as it is stated, sane or not; None where it is not."""
    down, across = (_um(image.axes[axes.index(axis)], image.scale[axes.index(axis)]) for axis in "YX")
    return down, across


def _um(axis: Axis, size: float) -> float | None:
    per_unit = _UM_PER_UNIT.get(axis.unit or "")
    return None if per_unit is None or size != size else size * per_unit


def _json(path: Path) -> object:
    if path.stat().st_size > _MOST_BYTES:
        raise ImageError(f"{path} is larger than metadata are: copy it again")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{path} is no whole JSON ({reason(error)}): copy the OME-Zarr again") from error


def _attributes(folder: Path) -> object | None:
    """Give all that a folder says of itself; None where it has no file for it."""
    if (folder / "zarr.json").is_file():
        return _under(_json(folder / "zarr.json"), "attributes")
    return _json(folder / ".zattrs") if (folder / ".zattrs").is_file() else None


def _under(said: object, key: str) -> object:
    """Give what stands under a key; nothing where nothing does."""
    return said.get(key, {}) if isinstance(said, dict) else {}


def _said(words: object) -> dict[str, object]:
    return words if isinstance(words, dict) else {}
