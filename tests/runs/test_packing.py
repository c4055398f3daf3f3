"""Masks as bits, masked weights as kept values: there and back, and every lie in a file is seen."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cellprune.runs import packing

SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
DTYPES = st.sampled_from([np.float32, np.float64, np.float16, np.int64])


@st.composite
def masked_weights(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    weight = draw(arrays.arrays(draw(DTYPES), shape))
    return weight, draw(arrays.arrays(np.bool_, shape))


@given(st.dictionaries(st.text(max_size=3), masked_weights(), max_size=4))
def test_what_is_packed_together_comes_back_bit_for_bit(drawn: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    weights = {name: weight for name, (weight, _) in drawn.items()}
    again = packing.unpack_together(*packing.pack_together(weights))
    assert again.keys() == weights.keys()
    for name, weight in weights.items():
        assert (again[name].dtype, again[name].shape) == (weight.dtype, weight.shape)
        assert again[name].tobytes() == weight.tobytes()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([["w", "float32", 3]], "do not fill"),
        ([["w", "float32", 5]], "reshape"),
        ([["w", "float32", -1, 4]], "no list of sizes"),
        ([["w", "float32", "4"]], "no list of sizes"),
        ([["w", "float64", 4]], "float64"),
    ],
)
def test_a_table_that_does_not_fit_its_piece_is_seen(table: list[list[Any]], said: str) -> None:
    with pytest.raises((ValueError, LookupError), match=said):
        packing.unpack_together({"float32": np.ones(4, np.float32)}, packing.pack_text(table))


def test_a_text_of_endless_length_is_not_unpacked() -> None:
    with pytest.raises(ValueError, match="too long"):
        packing.unpack_text(packing.pack_text(" " * 2**22))


@given(masked_weights(), masked_weights())
def test_weights_come_back_bit_for_bit_and_pruned_ones_as_zero(
    masked: tuple[np.ndarray, np.ndarray], plain: tuple[np.ndarray, np.ndarray]
) -> None:
    (weight, mask), (other, _) = masked, plain
    weights, masks = packing.unpack(*packing.pack({"w": weight, "other": other}, {"w": mask}))
    assert masks["w"].dtype == np.bool_
    assert np.array_equal(masks["w"], mask)
    expected = np.zeros_like(weight)
    expected[mask] = weight[mask]
    assert weights["w"].dtype == weight.dtype
    assert weights["w"].shape == weight.shape
    assert weights["w"].tobytes() == expected.tobytes()
    assert weights["other"].tobytes() == other.tobytes()


def test_a_negative_zero_that_is_pruned_comes_back_positive() -> None:
    weights, _ = packing.unpack(*packing.pack({"w": np.float32([-0.0, -0.0])}, {"w": np.array([True, False])}))
    assert np.signbit(weights["w"]).tolist() == [True, False]


def test_a_mask_that_is_not_contiguous_is_packed_in_its_own_order() -> None:
    mask = np.array([[True, False, True], [False, False, True]]).T
    assert np.array_equal(packing.unpack_masks(*packing.pack_masks({"w": mask}))["w"], mask)


def test_a_random_mask_of_97_percent_takes_less_than_one_percent_of_float32() -> None:
    mask = np.random.default_rng(0).random(1_000_000) >= 0.97
    packed, _ = packing.pack_masks({"w": mask})
    assert packed["mask:w"].nbytes < 0.0085 * 4 * mask.size


@pytest.mark.parametrize(
    ("weights", "masks", "said"),
    [
        ({}, {"w": np.ones(3, bool)}, r"mask 'w' of shape \(3,\) fits no weight"),
        ({"w": np.ones((3, 1))}, {"w": np.ones(3, bool)}, "fits no weight"),
        ({"w": np.ones(3)}, {"w": np.ones(3)}, "a mask is bool, not float64"),
    ],
)
def test_masks_that_fit_no_weight_are_not_packed(weights: dict, masks: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        packing.pack(weights, masks)


def compressed(data: bytes) -> np.ndarray:
    return np.frombuffer(zlib.compress(data), np.uint8)


LIES: dict[str, tuple[Callable[[dict, Any], Any], str]] = {
    "fewer values": (lambda t, s: t.update({"kept:w": t["kept:w"][:-1]}), "has 4 values for 5 kept places"),
    "values of another shape": (lambda t, s: t.update({"kept:w": t["kept:w"][:, None]}), "values for 5 kept places"),
    "no values": (lambda t, s: t.pop("kept:w"), "no kept values for 'w'"),
    "no mask": (lambda t, s: t.pop("mask:w"), "names of masks and shapes differ"),
    "no shape": (lambda t, s: s.pop("w"), "names of masks and shapes differ"),
    "dense beside kept": (lambda t, s: t.update({"dense:w": np.zeros(9)}), "'dense:w' has no place"),
    "stranger": (lambda t, s: t.update({"w": np.zeros(9)}), "'w' has no place"),
    "smaller shape": (lambda t, s: s.update({"w": [1]}), "does not fill its shape"),
    "larger shape": (lambda t, s: s.update({"w": [100]}), "does not fill its shape"),
    "one bit less": (lambda t, s: s.update({"w": [8]}), "does not fill its shape|more bits than its shape"),
    "huge shape": (lambda t, s: s.update({"w": [2**20, 2**20]}), "claim more than"),
    "huge side": (lambda t, s: s.update({"w": [2**70]}), "no lists of sizes"),
    "negative shape": (lambda t, s: s.update({"w": [-3, -3]}), "no lists of sizes"),
    "bool shape": (lambda t, s: s.update({"w": [True]}), "no lists of sizes"),
    "text as shape": (lambda t, s: s.update({"w": "33"}), "no lists of sizes"),
    "too many sides": (lambda t, s: s.update({"w": [1] * 33}), "no lists of sizes"),
    "bits past the end": (lambda t, s: t.update({"mask:w": compressed(b"\xff\xff")}), "more bits than its shape"),
    "bomb": (lambda t, s: t.update({"mask:w": compressed(bytes(10**7))}), "does not fill its shape"),
    "noise": (lambda t, s: t.update({"mask:w": np.zeros(20, np.uint8)}), "does not decompress"),
    "cut off": (lambda t, s: t.update({"mask:w": t["mask:w"][:-3]}), "does not fill its shape"),
    "more behind": (lambda t, s: t.update({"mask:w": np.append(t["mask:w"], t["mask:w"])}), "does not fill its shape"),
    "not bytes": (lambda t, s: t.update({"mask:w": t["mask:w"].astype(np.int16)}), "not made of bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_in_a_file_is_seen(lie: str) -> None:
    tell, said = LIES[lie]
    mask = np.array([True, False, True, False, True, False, True, False, True])
    tensors, shapes = packing.pack({"w": np.arange(9.0)}, {"w": mask})
    tell(tensors, shapes)
    with pytest.raises(ValueError, match=said):
        packing.unpack(tensors, shapes)


def test_a_shape_that_no_bytes_of_this_number_could_fill_is_refused_before_memory_is_taken() -> None:
    packed = {"mask:w": compressed(b"\0" * 64)}
    with pytest.raises(ValueError, match="too few for its shape"):
        packing.unpack_masks(packed, {"w": [2**29]})


@pytest.mark.parametrize("shapes", [None, [], "x", 3])
def test_shapes_of_another_kind_are_refused(shapes: Any) -> None:
    with pytest.raises(ValueError, match="no lists of sizes"):
        packing.unpack({}, shapes)
