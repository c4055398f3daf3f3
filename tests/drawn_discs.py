"""Cells drawn in code: discs that touch, and how well labels match them."""

import numpy as np
from numpy.typing import NDArray


def touching_discs(seed: int, *, side: int = 128, n: int = 15, radii: tuple[float, float] = (7, 14)) -> NDArray:
    """Give (side, side) int32 labels of whole discs, of which most touch another and none overlaps."""
    rng, labels, placed = np.random.default_rng(seed), np.zeros((side, side), np.int32), []
    rows, columns = np.mgrid[:side, :side]
    for _ in range(200 * n):
        radius, (y, x) = rng.uniform(*radii), rng.uniform(0, side, 2)
        if placed and rng.random() < 0.7:
            (near_y, near_x, near), angle = placed[rng.integers(len(placed))], rng.uniform(0, 2 * np.pi)
            y, x = near_y + (radius + near) * np.sin(angle), near_x + (radius + near) * np.cos(angle)
        inside = radius <= y < side - radius and radius <= x < side - radius
        if not inside or any((y - v) ** 2 + (x - u) ** 2 < (radius + r - 0.01) ** 2 for v, u, r in placed):
            continue
        placed.append((y, x, radius))
        labels[((rows - y) ** 2 + (columns - x) ** 2 < radius**2) & (labels == 0)] = len(placed)
        if len(placed) == n:
            break
    return labels


def jaccards(truth: NDArray, labels: NDArray) -> NDArray:
    """Give each true cell's Jaccard index with the label that shares most of its pixels."""
    best = []
    for cell in range(1, int(truth.max()) + 1):
        shared = np.bincount(labels[truth == cell], minlength=2)
        label = shared[1:].argmax() + 1
        best.append(shared[label] / ((truth == cell).sum() + (labels == label).sum() - shared[label]))
    return np.array(best)
