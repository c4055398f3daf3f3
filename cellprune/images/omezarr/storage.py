"""The arrays of a Zarr, opened for reading alone, once nothing in their own words can do harm.

A Zarr names the programs that unpack its chunks. One of numcodecs' unpickles, so that it runs what a stranger wrote:
those that only unpack are listed here, and no other is started.
"""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from cellprune.files.listing import below
from cellprune.images.header import MAX_CHANNELS, MAX_PIXELS, ImageError
from cellprune.targets.kinds import Extent
from cellprune.wording import quoted, reason

if TYPE_CHECKING:
    import zarr

_BLOCK_PX = 512
_MOST_IN_MEMORY = 2**29  # bytes of a row of blocks: as much as all else takes of a large image
_WORDS = {".zarray", ".zattrs", ".zgroup", "zarr.json"}
_CODECS = {
    "blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma", "shuffle", "bitround", "delta", "fixedscaleoffset", "crc32",
    "crc32c", "adler32", "fletcher32", "bytes", "transpose", "sharding_indexed",
}  # fmt: skip
_NUMBERS = {
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
}


def array(folder: Path, axes: str) -> "zarr.Array":
    """Open an array of an image.

    Args:
        axes: letters of the image's axes, as its metadata name them.
    Raises:
        ImageError: it is not there, has other axes, holds no numbers, or is packed in a way that is not unpacked here.
        ImportError: zarr is not there.
    """
    import zarr

    v3 = (folder / "zarr.json").is_file()
    words = folder / ("zarr.json" if v3 else ".zarray")
    if not words.is_file():
        raise ImageError(f"{folder} is named in the metadata, and is no array of a Zarr: copy the OME-Zarr again")
    try:
        said = json.loads(words.read_bytes())
        if v3 and said["node_type"] != "array":
            raise ImageError(f"{folder} is named as an image's array, and is none: copy the OME-Zarr again")
        kind = said["data_type" if v3 else "dtype"]
        named = [str(name) for name in said.get("dimension_names") or ()]
        codecs = set(_names(said["codecs"] if v3 else [said["compressor"], said["filters"]]))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ImageError(f"{words} is damaged ({reason(error)}): copy the OME-Zarr again") from error
    if not isinstance(kind, str) or (kind not in _NUMBERS if v3 else kind[:1] not in "<>|" or kind[1:2] not in "buif"):
        raise ImageError(f"{folder} holds {quoted(kind)} values, which are not grey levels: save it as 8 or 16 bit")
    if unknown := sorted(codecs - _CODECS):
        raise ImageError(
            f"{folder} is packed by {quoted(unknown[0])}, which is not unpacked here: save it with zstd or blosc"
        )
    opened = zarr.open_array(store=str(folder), mode="r")
    if len(axes) != len(opened.shape) or (named and [name.upper() for name in named] != [*axes]):
        has = ", ".join(named) or f"{len(opened.shape)} without names"
        raise ImageError(f"{folder} has the axes {quoted(has)}, and the image's metadata name {axes}: save it again")
    if prod(opened.shards or opened.chunks) > MAX_PIXELS * MAX_CHANNELS:
        raise ImageError(
            f"{folder} has chunks of {' x '.join(map(str, opened.chunks))} pixels: save it in smaller ones"
        )
    return opened


def block_size(opened: "zarr.Array", axes: str) -> Extent | None:
    """Give (height, width) of the blocks in which a large image is read: whole chunks, of some hundred pixels.

    Returns:
        None where a chunk, or a row of blocks, takes too much memory.
    """
    sizes, chunks = (dict(zip(axes, of, strict=True)) for of in (opened.shape, opened.chunks))
    height, width = (min(sizes[axis], chunks[axis] * max(1, _BLOCK_PX // chunks[axis])) for axis in "YX")
    of_row = height * sizes["X"] * sizes.get("C", 1) * opened.dtype.itemsize
    beside = prod(chunks[axis] for axis in axes if axis not in "CYX")  # planes that are unpacked together
    of_block = height * width * chunks.get("C", 1) * opened.dtype.itemsize * beside
    return (height, width) if max(of_row, of_block) <= _MOST_IN_MEMORY else None


def absent(folder: Path, opened: "zarr.Array") -> tuple[int, int]:
    """Count the pieces of an array that are not there, and all that it may have: its chunks, or what holds several.

    Programs leave out what is zero throughout, so nobody can tell a lost one from an empty one.
    """
    unit = opened.shards or opened.chunks
    n_pieces = prod(-(-size // of) for size, of in zip(opened.shape, unit, strict=True))
    is_piece = (name for name in below(folder) if name not in _WORDS and not name.endswith(".partial"))
    return n_pieces - sum(1 for _ in is_piece), n_pieces


def _names(codecs: object) -> Iterator[str]:
    """Give the names of all programs that some words ask for, those inside others, too."""
    for codec in codecs if isinstance(codecs, list) else [codecs]:
        if isinstance(codec, dict):
            name = str(codec.get("name", codec.get("id", "")))
            yield name.removeprefix("numcodecs.").lower()
            inner = codec.get("configuration", {})
            for key in ("codecs", "index_codecs"):
                if isinstance(inner, dict) and key in inner:
                    yield from _names(inner[key])
        elif isinstance(codec, list):
            yield from _names(codec)
        elif codec is not None:
            yield str(codec)
