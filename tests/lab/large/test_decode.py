"""Decoded part by part, the cells of an image are those of the whole, also where a seam crosses them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from cellprune.config.names import resolve
from cellprune.images import boxes
from cellprune.lab.large import pieces
from cellprune.lab.large.decode import decoded
from cellprune.lab.large.scratch import Scratch
from cellprune.targets.decoders import BorderSeeds, Components, Decoder, DistanceSeeds, Watershed
from cellprune.targets.target import Target

DECODERS: list[tuple[str, int, Decoder]] = [
    ("classes", 2, Components(min_area_px=6)),
    ("classes", 4, Components()),
    ("classes", 2, Watershed(radius_px=4, depth=0.1, min_area_px=9)),
    ("border", 3, BorderSeeds(min_area_px=5)),
    ("border", 3, BorderSeeds(min_area_px=5, radius_px=4, depth=0.1)),
    ("distance", 2, DistanceSeeds(smoothing_px=1.5, foreground=0.4, seed=0.1, min_area_px=5)),
]


def clouds(n_maps: int, size: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Maps with pieces of all sizes, many of which touch; a share of the values are equal."""
    noise = np.random.default_rng(seed).standard_normal((n_maps, *size))
    smooth = np.stack([ndimage.gaussian_filter(one, 2.5 + n) for n, one in enumerate(noise)])
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return smooth.round(2).astype(np.float32)


@pytest.mark.parametrize("native", [(151, 203), (97, 140)], ids=str)
@pytest.mark.parametrize(("target", "n_maps", "decoder"), DECODERS, ids=str)
def test_parts_give_the_cells_of_the_whole(
    target: str, n_maps: int, decoder: Decoder, native: tuple[int, int], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(boxes, "BAND_PX", 17 * native[1])
    monkeypatch.setattr(pieces, "_BLOCK_PX", 24)
    kind: Target = resolve("target", target)
    maps = clouds(n_maps, (97, 140), 3)
    whole = kind.decode(maps, native, decoder)
    assert whole.labels.max() > 10
    with (
        Scratch(tmp_path / "maps", maps.shape, np.float32) as on_disk,
        Scratch(tmp_path / "numbers", (1, *native), np.uint32) as numbers,
    ):
        for box in boxes.bands((97, 140)):
            on_disk.write(box, maps[(slice(None), *box)])
        cells = decoded(kind, on_disk, native, decoder, numbers)
        ours = np.concatenate([cells.labels(box) for box in boxes.bands(native)])
    assert np.array_equal(ours, whole.labels)
    assert np.array_equal(cells.class_of, whole.class_of)
    assert not list(tmp_path.iterdir())
