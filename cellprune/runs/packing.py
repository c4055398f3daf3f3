"""Masks as compressed bits, of a masked weight only the kept values, and a small network's tensors in one piece.

At 97 % pruned, the bits take about 0.8 % of the float32 weights and the kept values 3 %. The names and shapes of a
U-Net's tensors, which safetensors writes in full, take 10 kB; compressed, 1 kB. numpy and zlib only, so that
a reader without torch shares this file. What is unpacked may come from anywhere: every length is checked against the
others before memory is taken for it.
"""

import base64
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellprune.wording import quoted

# names of the packed tensors: "mask:NAME" and "kept:NAME" for a masked one, "dense:NAME" for any other
_MASK, _KEPT, _DENSE = "mask:", "kept:", "dense:"
_ZLIB_MOST = 1040  # bytes that zlib packs into one at most; see "Maximum Compression Factor" in its technical details
_TEXT_MOST = 2**22  # characters of JSON in a header, unpacked; those of a network of 500 tensors are 50,000
ELEMENTS_LIMIT = 2**29  # of all masks in a file: 2 GiB of float32, some seventeen times the U-Net of 2015


def pack_masks(masks: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """Pack masks.

    Args:
        masks: name -> bool array of any shape, True = kept.
    Returns:
        "mask:NAME" -> (bytes,) uint8, and name -> shape.
    """
    packed = {_MASK + name: _packed_bits(mask) for name, mask in masks.items()}
    return packed, {name: list(mask.shape) for name, mask in masks.items()}


def unpack_masks(tensors: Mapping[str, np.ndarray], shapes: Any) -> dict[str, np.ndarray]:
    """Give back what `pack_masks` packed: name -> bool array.

    Raises:
        ValueError: shapes, bits and names do not fit each other, or ask for more memory than any mask needs.
    """
    _check_shapes(shapes)
    packed = {name.removeprefix(_MASK): bits for name, bits in tensors.items() if name.startswith(_MASK)}
    if packed.keys() != shapes.keys():
        raise ValueError("names of masks and shapes differ")
    return {name: _unpacked_bits(name, bits, tuple(shapes[name])) for name, bits in packed.items()}


def pack(
    weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """Pack weights: of a masked one the bits and the kept values, any other as it is.

    Args:
        weights: name -> array of any shape and dtype.
        masks: name of a weight -> bool array of its shape, True = kept.
    Returns:
        Packed tensors, and name -> shape of the masked ones.
    Raises:
        ValueError: a mask fits no weight.
    """
    for name, mask in masks.items():
        if name not in weights or weights[name].shape != mask.shape:
            raise ValueError(f"the mask {quoted(name)} of shape {mask.shape} fits no weight")
    tensors, shapes = pack_masks(masks)
    for name, weight in weights.items():
        if name in masks:
            tensors[_KEPT + name] = weight[masks[name]]
        else:
            tensors[_DENSE + name] = weight
    return tensors, shapes


def unpack(tensors: Mapping[str, np.ndarray], shapes: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Give back the dense weights, bit for bit and +0.0 where pruned, and the masks.

    Raises:
        ValueError: masks, kept values and names do not fit each other, or ask for more memory than any mask needs.
    """
    masks = unpack_masks(tensors, shapes)
    weights: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        if name.startswith(_KEPT) and name.removeprefix(_KEPT) in masks:
            weights[name.removeprefix(_KEPT)] = _spread(name, tensor, masks[name.removeprefix(_KEPT)])
        elif name.startswith(_DENSE) and name.removeprefix(_DENSE) not in masks:
            weights[name.removeprefix(_DENSE)] = tensor
        elif not name.startswith(_MASK):
            raise ValueError(f"tensor {quoted(name)} has no place")
    if missing := masks.keys() - weights.keys():
        raise ValueError(f"no kept values for {min(missing)!r}")
    return weights, masks


def pack_together(weights: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Pack weights in one piece for each kind of number.

    Args:
        weights: name -> array of any shape and dtype.
    Returns:
        Name of a dtype -> (values,) of all its arrays, and what `unpack_together` needs beside them.
    """
    listed = [(name, np.asarray(value)) for name, value in sorted(weights.items())]
    kinds = sorted({value.dtype.name for _, value in listed})
    pieces = {kind: np.concatenate([v.ravel() for _, v in listed if v.dtype.name == kind]) for kind in kinds}
    return pieces, pack_text([[name, value.dtype.name, *value.shape] for name, value in listed])


def unpack_together(pieces: Mapping[str, np.ndarray], table: object) -> dict[str, np.ndarray]:
    """Give back what `pack_together` packed, bit for bit.

    Raises:
        ValueError: the pieces do not fill the shapes.
    """
    weights, begins = dict[str, np.ndarray](), dict.fromkeys(pieces, 0)
    for name, kind, *shape in unpack_text(table):
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"the shape of {quoted(name)} is no list of sizes")
        begin, end = begins[kind], begins[kind] + math.prod(shape)
        weights[name], begins[kind] = pieces[kind][begin:end].reshape(shape), end
    if begins != {kind: piece.size for kind, piece in pieces.items()}:
        raise ValueError("its tensors do not fill their shapes")
    return weights


def pack_text(value: object) -> str:
    """Pack JSON values into a short text that JSON can hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return base64.b85encode(zlib.compress(text.encode(), level=9)).decode()


def unpack_text(text: object) -> Any:
    """Give back what `pack_text` packed.

    Raises:
        ValueError: it is something else, or too long.
    """
    if not isinstance(text, str):
        raise ValueError(f"{quoted(text)} is no packed text")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(base64.b85decode(text), max_length=_TEXT_MOST)
    except zlib.error as error:
        raise ValueError(f"a packed text does not decompress: {error}") from error
    if not stream.eof:
        raise ValueError("a packed text is cut off, or too long")
    return json.loads(data)


def _packed_bits(mask: np.ndarray) -> np.ndarray:
    if mask.dtype != np.bool_:
        raise ValueError(f"a mask is bool, not {mask.dtype}")
    return np.frombuffer(zlib.compress(np.packbits(mask).tobytes(), level=9), dtype=np.uint8)


def _unpacked_bits(name: str, packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise ValueError(f"the mask {quoted(name)} is not made of bytes")
    n_bits = math.prod(shape)
    n_bytes = -(-n_bits // 8)
    if n_bytes > _ZLIB_MOST * packed.size:  # before memory is taken for it
        raise ValueError(f"the mask {quoted(name)} has {packed.size} bytes, too few for its shape {shape}")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed.tobytes(), max_length=n_bytes + 1)  # one more, to see that it is too long
    except zlib.error as error:
        raise ValueError(f"the mask {quoted(name)} does not decompress: {error}") from error
    if len(data) != n_bytes or not stream.eof or stream.unused_data:
        raise ValueError(f"the mask {quoted(name)} does not fill its shape {shape}")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    if bits[n_bits:].any():
        raise ValueError(f"the mask {quoted(name)} has more bits than its shape {shape}")
    return bits[:n_bits].view(np.bool_).reshape(shape)


def _spread(name: str, kept: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if kept.shape != (int(np.count_nonzero(mask)),):
        raise ValueError(f"{quoted(name)} has {kept.size} values for {np.count_nonzero(mask)} kept places")
    weight = np.zeros(mask.shape, kept.dtype)
    weight[mask] = kept
    return weight


def _check_shapes(shapes: Any) -> None:
    if not isinstance(shapes, dict) or not all(
        isinstance(shape, list) and len(shape) <= 32 and all(type(n) is int and 0 <= n <= ELEMENTS_LIMIT for n in shape)
        for shape in shapes.values()
    ):
        raise ValueError("the shapes of the masks are no lists of sizes")
    if sum(math.prod(shape) for shape in shapes.values()) > ELEMENTS_LIMIT:
        raise ValueError(f"its masks claim more than {ELEMENTS_LIMIT} weights")
