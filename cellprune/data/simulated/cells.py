"""The cells of a simulated time-lapse: how they move, divide and touch, and where each one is in every frame.

A cell is a wobbly ellipse whose outline drifts. Where two meet, every pixel belongs to the one it lies deeper in, so
that cells touch and never overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.tracks import Track
from cellprune.images.read import Labels

_HARMONICS = np.arange(2, 7)  # of an outline; the first would only move the cell
_ROUNDED = 2  # frames for which a cell is round and bright before it divides
_MARGIN_PX = 6.0  # centres stay this far inside, so that cells at the edge are cut but never lost


@dataclass(frozen=True)
class Scene:
    """One frame as it really is.

    Attributes:
        labels: (H, W) int32, tracks; 0 is background.
        depth: (H, W) float64, 1 at a cell's centre, 0 at its outline, below 0 outside of every cell.
        thickness: (H, W) float64, what delays the light; 0 outside.
    """

    labels: Labels
    depth: NDArray[np.float64]
    thickness: NDArray[np.float64]


@dataclass(frozen=True)
class _Cell:
    track: int
    begin: int
    parent: int
    divides: int  # the last frame before its daughters'; beyond the recording: never
    centre: NDArray[np.float64]  # (2,) row, column
    velocity: NDArray[np.float64]  # (2,) px per frame
    radius_px: float
    angle: float
    stretch: float
    phases: NDArray[np.float64]  # of the harmonics
    heights: NDArray[np.float64]  # of the harmonics, as shares of the radius


def scenes(rng: np.random.Generator, n_frames: int, size: tuple[int, int]) -> Iterator[tuple[Scene, list[Track]]]:
    """Let cells live for some frames.

    Args:
        rng: every draw comes from it, in a fixed order.
        n_frames: how many frames.
        size: (height, width) in px; the number of cells grows with the area.
    Yields:
        Each frame's scene and the tracks that are in it, ending there as far as is known.
    """
    cells = _first_cells(rng, n_frames, size)
    n_tracks = len(cells)
    for number in range(n_frames):
        yield _scene(cells, number, size), [Track(c.track, c.begin, number, c.parent) for c in cells]
        following: list[_Cell] = []
        for cell in cells:
            if cell.divides == number:
                following += _daughters(rng, cell, number + 1, n_tracks, n_frames)
                n_tracks += 2
            else:
                following.append(_moved(rng, cell))
        cells = _pushed_apart(following, size)


def _first_cells(rng: np.random.Generator, n_frames: int, size: tuple[int, int]) -> list[_Cell]:
    n_cells = max(3, round(size[0] * size[1] / 4000))
    places: list[NDArray[np.float64]] = []
    for _ in range(n_cells):
        # the most remote of a few draws: cells spread out, yet some still meet
        drawn = _MARGIN_PX + rng.random((6, 2)) * (np.array(size) - 2 * _MARGIN_PX)
        room = [min((float(np.hypot(*(place - other))) for other in places), default=0.0) for place in drawn]
        places.append(drawn[int(np.argmax(room))])
    n_dividing = max(1, n_cells // 4)
    return [
        _born(rng, track, 0, 0, place, int(rng.integers(1, n_frames)) if track <= n_dividing else n_frames)
        for track, place in enumerate(places, start=1)
    ]


def _born(rng: np.random.Generator, track: int, begin: int, parent: int, centre: NDArray, divides: int) -> _Cell:
    return _Cell(
        track,
        begin,
        parent,
        divides,
        centre,
        velocity=rng.normal(0, 1.2, 2),
        radius_px=rng.uniform(11, 17),
        angle=rng.uniform(0, np.pi),
        stretch=rng.uniform(1.0, 1.5),
        phases=rng.uniform(0, 2 * np.pi, _HARMONICS.size),
        heights=rng.uniform(0.2, 0.6, _HARMONICS.size) / _HARMONICS,
    )


def _moved(rng: np.random.Generator, cell: _Cell) -> _Cell:
    velocity = 0.8 * cell.velocity + rng.normal(0, 0.9, 2)
    return replace(
        cell,
        centre=cell.centre + velocity,
        velocity=velocity,
        radius_px=min(cell.radius_px * 1.01, 18.0),
        angle=cell.angle + rng.normal(0, 0.1),
        phases=cell.phases + rng.normal(0, 0.25, cell.phases.size),
    )


def _daughters(rng: np.random.Generator, cell: _Cell, begin: int, n_tracks: int, n_frames: int) -> list[_Cell]:
    apart = 0.65 * cell.radius_px * np.array([np.sin(cell.angle), np.cos(cell.angle)])
    return [
        replace(
            _born(rng, n_tracks + at, begin, cell.track, cell.centre + side * apart, n_frames),
            velocity=side * apart / 4,
            radius_px=0.75 * cell.radius_px,
        )
        for at, side in ((1, 1.0), (2, -1.0))
    ]


def _pushed_apart(cells: list[_Cell], size: tuple[int, int]) -> list[_Cell]:
    """Move cells that sit on each other apart, until they only touch, and keep all of them in the picture."""
    centres = [cell.centre.copy() for cell in cells]
    for i, one in enumerate(cells):
        for j in range(i):
            gap = centres[i] - centres[j]
            distance = max(float(np.hypot(*gap)), 1e-6)
            overlap = 0.8 * (one.radius_px + cells[j].radius_px) - distance
            if overlap > 0:
                centres[i] += 0.25 * overlap * gap / distance
                centres[j] -= 0.25 * overlap * gap / distance
    low, high = _MARGIN_PX, np.array(size) - 1 - _MARGIN_PX
    return [
        replace(
            cell,
            centre=np.clip(centre, low, high),
            velocity=np.where((centre < low) | (centre > high), -1, 1) * cell.velocity,
        )
        for cell, centre in zip(cells, centres, strict=True)
    ]


def _scene(cells: list[_Cell], number: int, size: tuple[int, int]) -> Scene:
    labels = np.zeros(size, dtype=np.int32)
    depth = np.full(size, -np.inf)
    thickness = np.zeros(size)
    for cell in cells:
        is_round = 0 <= cell.divides - number < _ROUNDED
        own = _depth(cell, size, is_round)
        wins = (own > 0) & (own > depth)
        labels[wins] = cell.track
        thickness[wins] = _body(own[wins], is_round)
        depth = np.maximum(depth, own)
    return Scene(labels, depth, thickness)


def _body(depth: NDArray[np.float64], is_round: bool) -> NDArray[np.float64]:
    """Give the thickness over the depth: flat with a nucleus; about to divide, a ball so thick that its phase wraps."""
    if is_round:
        return -1.2 * np.sqrt(depth)
    return 0.6 * np.sqrt(np.minimum(4 * depth, 1)) + 0.5 / (1 + np.exp(-(depth - 0.62) / 0.04))


def _depth(cell: _Cell, size: tuple[int, int], is_round: bool) -> NDArray[np.float64]:
    """Give 1 at the cell's centre, 0 on its outline, negative outside."""
    stretch, heights, radius_px = (
        (1.0, 0.15 * cell.heights, 0.8 * cell.radius_px) if is_round else (cell.stretch, cell.heights, cell.radius_px)
    )
    rows = np.arange(size[0])[:, None] - cell.centre[0]
    columns = np.arange(size[1])[None, :] - cell.centre[1]
    along = (rows * np.sin(cell.angle) + columns * np.cos(cell.angle)) / stretch
    across = (rows * np.cos(cell.angle) - columns * np.sin(cell.angle)) * stretch
    bearing = np.arctan2(across, along)
    outline = 1 + sum(h * np.cos(k * bearing + p) for k, h, p in zip(_HARMONICS, heights, cell.phases, strict=True))
    return 1 - np.hypot(along, across) / (radius_px * np.maximum(outline, 0.35))
