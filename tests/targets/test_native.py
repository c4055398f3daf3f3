"""Maps back to native size: the same sums as torch's, whole or in bands."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprune.targets import native
from cellprune.targets.native import Native, brought_back, decided, over


@pytest.mark.parametrize("old", [(7, 9), (16, 16), (1, 5)])
@pytest.mark.parametrize("new", [(7, 9), (520, 33), (5, 4), (1, 1)])
def test_maps_go_back_as_torch_brings_them(old: tuple[int, int], new: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((3, *old), dtype=np.float32)
    theirs = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], new, mode="bilinear", align_corners=False)
    assert np.array_equal(decided(maps, new), theirs[0].argmax(0).numpy())


@pytest.mark.parametrize("new", [(520, 696), (512, 512), (161, 133)])
def test_two_maps_go_back_as_torch_brings_them_bit_for_bit(new: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    one = rng.random((256, 256), dtype=np.float32)
    nearly = one + rng.integers(-2, 3, one.shape).astype(np.float32) * np.spacing(one)  # the last digit decides
    maps = np.stack([one, nearly])
    theirs = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], new, mode="bilinear", align_corners=False)
    assert np.array_equal(decided(maps, new), theirs[0].argmax(0).numpy())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([0, 1, 3, 100, 2**20]),
    st.sampled_from([1e-42, 1e-30, 1.0, 1e6]),
)
def test_two_maps_are_decided_as_any_number_is(seed: int, old, new, ulps: int, scale: float) -> None:
    """Also where they are equal, or differ by the last digits of a number of any size."""
    rng = np.random.default_rng(seed)
    one = (scale * rng.random(old)).astype(np.float32)
    other = one + rng.integers(-ulps, ulps + 1, old).astype(np.float32) * np.spacing(one)
    maps = np.stack([one, other])
    three = np.stack([one, other, np.full_like(one, -1)])
    assert np.array_equal(decided(maps, new), decided(three, new))


def test_where_a_network_fails_two_maps_are_decided_as_any_number_is() -> None:
    maps = np.random.default_rng(0).random((2, 9, 9), dtype=np.float32)
    maps[0, 2, 3] = maps[1, 6, 6] = np.nan
    three = np.concatenate([maps, np.full((1, 9, 9), -1, np.float32)])
    assert np.array_equal(decided(maps, (30, 30)), decided(three, (30, 30)))


def test_bands_of_rows_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.random.default_rng(0).random((2, 50, 20), dtype=np.float32)
    whole = decided(maps, (110, 31))
    monkeypatch.setattr(native, "_BAND_PX", 7)
    assert np.array_equal(decided(maps, (110, 31)), whole)


def test_maps_of_any_meaning_go_back_as_torch_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 50, 20)).astype(np.float32)
    assert brought_back(maps, (50, 20)) is maps
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], (110, 31), mode="bilinear", align_corners=False
    )
    assert np.abs(brought_back(maps, (110, 31)) - theirs[0].numpy()).max() < 1e-6
    whole = brought_back(maps, (110, 31))
    monkeypatch.setattr(native, "_BAND_PX", 7)
    assert np.array_equal(brought_back(maps, (110, 31)), whole)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_maps_of_one_class_stay_of_that_class(h: int, w: int, height: int, width: int) -> None:
    maps = np.stack([np.zeros((h, w), np.float32), np.ones((h, w), np.float32)])
    assert (decided(maps, (height, width)) == 1).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([0, 1, 3, 2**20]),
    st.sampled_from([0.0, 0.3, 0.5, 1e6]),
)
def test_what_is_over_a_threshold_is_so_at_native_size(seed: int, old, new, ulps: int, threshold: float) -> None:
    """Also where the last digit decides it, where a network fails, and in a box."""
    rng = np.random.default_rng(seed)
    maps = (threshold + rng.integers(-ulps, ulps + 1, (1, *old)) * np.spacing(np.float32(threshold))).astype(np.float32)
    maps[0, rng.integers(old[0]), rng.integers(old[1])] = rng.choice([threshold, np.nan, -1])
    native_map = brought_back(maps, new)[0]
    assert np.array_equal(over(maps, new, threshold), native_map > threshold)
    box = (slice(new[0] // 3, new[0]), slice(new[1] // 4, new[1] // 4 + 1))
    assert np.array_equal(Native(maps, new)[box], native_map[box], equal_nan=True)
