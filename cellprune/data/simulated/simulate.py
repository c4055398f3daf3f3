"""Simulated cells in the challenge's layout, from a seed: for the first command, the tests and the tutorials.

Gold truth is given for three of four frames, and in one of them a cell is left out. Silver truth, with imprecise
outlines, and tracking truth are there for all frames. Labels of gold truth are not those of the tracks.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cellprune.data.simulated.cells import Scene, scenes
from cellprune.data.simulated.optics import OPTICS, Microscope, Optics
from cellprune.errors import CellpruneError
from cellprune.evaluation.tracks import Track
from cellprune.images.read import Labels
from cellprune.runs.placing import appearing

NAME = "simulated-v1"  # in the data root; another one as soon as a seed gives other pixels
PIXEL_SIZE_UM = 0.65
_SMALLEST_PX, _LARGEST_PX = 48, 4096
_MOST_FRAMES = 1000
_MARKER_DEPTH = 0.5  # markers are the inner half of a cell


class SimulationError(CellpruneError):
    """Simulated cells that cannot be made as asked."""


def simulate(
    folder: Path,
    *,
    seed: int = 0,
    frames: int = 12,
    size: tuple[int, int] = (192, 208),
    sequences: int = 2,
    optics: Optics = "phase",
) -> Path:
    """Write a simulated data set; the same arguments give the same pixels on every machine.

    Args:
        folder: what to make; must be absent or empty. It appears whole or not at all.
        seed: of everything random.
        frames: of each sequence, at least 4.
        size: (height, width) in px.
        sequences: how many recordings.
        optics: `phase` (halo) or `dic` (relief).
    Returns:
        `folder`.
    Raises:
        SimulationError: an argument out of range.
        PlaceError: something is there already, or the place cannot be written to.
    """
    if optics not in OPTICS:
        raise SimulationError(f"no optics {optics!r}; known: {', '.join(OPTICS)}")
    fits = 4 <= frames <= _MOST_FRAMES and 1 <= sequences <= 99 and 0 <= seed < 2**63
    if not fits or not _SMALLEST_PX <= min(size) <= max(size) <= _LARGEST_PX:
        raise SimulationError(
            f"{sequences} sequences of {frames} frames of {size[0]} x {size[1]} px from seed {seed} cannot be made: "
            f"at least 1 (at most 99), 4 ({_MOST_FRAMES}), {_SMALLEST_PX} x {_SMALLEST_PX} ({_LARGEST_PX} x "
            f"{_LARGEST_PX}) and 0"
        )
    with appearing(folder) as beside:
        for at in range(1, sequences + 1):
            _write_sequence(beside, f"{at:02d}", seed, frames, size, optics, is_last=at == sequences)
    return folder


def kept(root: Path) -> Path:
    """Give the standard simulated set in the data root, made when it is not there yet."""
    folder = root / NAME
    return folder if folder.is_dir() else simulate(folder)


def _write_sequence(
    folder: Path, name: str, seed: int, n_frames: int, size: tuple[int, int], optics: Optics, *, is_last: bool
) -> None:
    rng = np.random.Generator(np.random.Philox(key=[seed, int(name)]))
    microscope = Microscope(rng, size, optics)
    tracks: dict[int, Track] = {}
    for number, (scene, alive) in enumerate(scenes(rng, n_frames, size)):
        tracks |= {track.label: track for track in alive}
        _write(folder / name / f"t{number:03d}.tif", microscope.image(scene))
        truth = folder / f"{name}_GT"
        markers = np.where(scene.depth > _MARKER_DEPTH, scene.labels, 0)
        _write(truth / "TRA" / f"man_track{number:03d}.tif", markers.astype(np.uint16))
        _write(folder / f"{name}_ST" / "SEG" / f"man_seg{number:03d}.tif", _silver(rng, scene))
        gold = _gold(rng, scene, has_gap=is_last and number == n_frames // 2 // 4 * 4)
        if number % 4 != 3:
            _write(truth / "SEG" / f"man_seg{number:03d}.tif", gold)
    _write_tracks(folder / f"{name}_GT" / "TRA" / "man_track.txt", tracks.values())


def _gold(rng: np.random.Generator, scene: Scene, *, has_gap: bool) -> NDArray[np.uint16]:
    """Number the cells afresh; with a gap, one cell is left out."""
    labels = np.unique(scene.labels[scene.labels > 0])
    fresh = np.zeros(scene.labels.max() + 1, dtype=np.uint16)
    fresh[rng.permutation(labels)] = np.arange(1, labels.size + 1)
    if has_gap:
        fresh[fresh == 1] = 0
    return fresh[scene.labels]


def _silver(rng: np.random.Generator, scene: Scene) -> NDArray[np.uint16]:
    """Outlines as a good program finds them: smooth errors of a pixel or so, inwards only."""
    error = gaussian_filter(rng.normal(0, 1, scene.labels.shape), 4)
    imprecise = scene.depth > 0.06 + 0.05 * error / error.std()
    return np.where(imprecise, scene.labels, 0).astype(np.uint16)


def _write(path: Path, pixels: Labels | NDArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    per_cm = 1e4 / PIXEL_SIZE_UM
    tifffile.imwrite(path, pixels, compression="lzw", resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")


def _write_tracks(path: Path, tracks: Iterable[Track]) -> None:
    lines = [f"{track.label} {track.begin} {track.end} {track.parent}\n" for track in tracks]
    path.write_text("".join(lines), encoding="utf-8")
