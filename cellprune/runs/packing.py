"""Masks as compressed bits, and of a masked weight only the kept values.

At 97 % pruned, the bits take about 0.8 % of the float32 weights and the kept values 3 %. numpy and zlib only, so that
a reader without torch shares this file. What is unpacked may come from anywhere: every length is checked against the
others before memory is taken for it.
"""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellprune.wording import quoted

# names of the packed tensors: "mask:NAME" and "kept:NAME" for a masked one, "dense:NAME" for any other
_MASK, _KEPT, _DENSE = "mask:", "kept:", "dense:"
_ZLIB_MOST = 1040  # bytes that zlib packs into one at most; see "Maximum Compression Factor" in its technical details
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
