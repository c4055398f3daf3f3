"""Drawn truth and results of cells, in the challenge's layout: the same pixels wherever they are drawn."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

SIZE = (96, 112)
N_FRAMES = 6
WITH_GOLD = (0, 2, 5)


def discs(seed: int, n: int = 14) -> NDArray[np.uint16]:
    """Draw discs of 4 to 11 px radius that touch and hide each other, some at the image's edge."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = np.zeros(SIZE, np.uint16)
    for label in rng.permutation(np.arange(1, 4 * n, 4))[:n]:
        cy, cx, radius = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1]), rng.integers(4, 12)
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = label
    return labels


def result(truth: NDArray[np.uint16], seed: int) -> NDArray[np.uint16]:
    """Make a result with every kind of mistake: shifted, merged, cut, missed and extra cells, and specks."""
    rng = np.random.default_rng(seed)
    found = np.roll(truth, rng.integers(-2, 3, 2), (0, 1)) * 3
    cells = rng.permutation(np.unique(found[found > 0]))
    found[np.isin(found, cells[:2])] = cells[0]
    found[found == cells[2]] = 0
    cut = found == cells[3]
    cut[:, : int(np.nonzero(cut)[1].mean())] = False
    found[cut] = 500
    found[90:94, 2:9] = np.where(found[90:94, 2:9] > 0, found[90:94, 2:9], 501)
    found[rng.random(SIZE) < 0.001] = 502
    return found


def markers(truth: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Mark every cell by the pixels around its centre of mass that are its own, with another number."""
    marked = np.zeros_like(truth)
    for label in np.unique(truth[truth > 0]):
        ys, xs = np.nonzero(truth == label)
        near = (ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2 <= np.median((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2)
        marked[ys[near], xs[near]] = label + 1
    return marked


def write(folder: Path) -> tuple[Path, Path]:
    """Write 01_GT with gold truth of `WITH_GOLD` and markers of every frame, and 01_RES; give both folders."""
    truth_at, result_at = folder / "01_GT", folder / "01_RES"
    for frame in range(N_FRAMES):
        truth = discs(frame)
        if frame in WITH_GOLD:
            _save(truth_at / f"SEG/man_seg{frame:03d}.tif", truth)
        _save(truth_at / f"TRA/man_track{frame:03d}.tif", markers(truth))
        _save(result_at / f"mask{frame:03d}.tif", result(truth, frame))
    return truth_at, result_at


def _save(path: Path, labels: NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, labels)
