"""Simulated cells: the same pixels from the same seed, sound truth, and no threshold that solves them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.data.cells.ctc import frames, tracks, tracks_path
from cellprune.data.check import inspect
from cellprune.data.open import open_dataset
from cellprune.data.simulated.simulate import SimulationError, simulate
from cellprune.images.read import read_labels
from cellprune.runs.placing import PlaceError

SMALL = {"frames": 4, "size": (48, 64)}


def digest(folder: Path) -> str:
    """Hash every pixel and every track, not the files' bytes: LZW may be packed in other ways."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(tifffile.imread(path).tobytes() if path.suffix == ".tif" else path.read_bytes())
    return found.hexdigest()


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    np.random.seed(1)  # nothing global may matter
    one, again, other = (simulate(tmp_path / name, seed=seed, **SMALL) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert digest(one) == digest(again) != digest(other)


def test_the_pixels_are_these_on_every_machine(tmp_path: Path) -> None:
    """When this fails because the drawing was changed on purpose, change `simulate.NAME` too."""
    assert digest(simulate(tmp_path / "a", **SMALL))[:16] == "6ac13dd1a3e8ec6b"


@pytest.mark.parametrize("optics", ["phase", "dic"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_truth_is_sound_and_one_frame_is_partial(tmp_path: Path, optics: str, seed: int) -> None:
    folder = simulate(tmp_path / "cells", seed=seed, frames=8, size=(80, 80), optics=optics)
    found = inspect(folder, name="cells", card=None)
    assert found.errors == ()
    assert (found.frames, found.gold, found.silver, found.markers) == (16, 12, 16, 16)
    assert found.missing == 1
    assert found.dtypes["image"] == ("uint8",)
    assert found.pixel_size_um == ((0.65, 0.65),)
    assert all(sequence.silver_lacks == 0 for sequence in found.sequences)
    assert all(low > 0.75 for low, _ in (sequence.silver_jaccard for sequence in found.sequences))


def test_labels_of_gold_are_not_those_of_the_tracks(cells: Path) -> None:
    pairs = [(read_labels(f.gold), read_labels(f.markers)) for f in frames(cells, "cells") if f.gold and f.markers]
    assert any((gold[markers > 0] != markers[markers > 0]).any() for gold, markers in pairs)


def test_cells_divide_move_and_touch(data_root: Path) -> None:
    dataset = open_dataset("simulated", data_root=data_root)
    listed = tracks(tracks_path(dataset.root, "01")).values()
    assert any(track.parent for track in listed)
    gold = [read_labels(frame.gold) for frame in dataset.gold_frames if frame.gold]
    assert (gold[0] != gold[8]).mean() > 0.05
    assert any(((one := labels[:, 1:]) != (other := labels[:, :-1]))[(one > 0) & (other > 0)].any() for labels in gold)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("optics", ["phase", "dic"])
def test_no_threshold_solves_it(tmp_path: Path, optics: str) -> None:
    folder = simulate(tmp_path / "cells", frames=4, size=(192, 208), sequences=1, optics=optics)
    shown = [(tifffile.imread(f.image), read_labels(f.gold) > 0) for f in frames(folder, "cells") if f.gold]
    levels = [(level, side) for level in range(0, 256, 4) for side in (True, False)]
    best = max(np.mean([iou((image > level) == side, gold) for image, gold in shown]) for level, side in levels)
    assert best < 0.45  # IoU of the cells; a U-Net of width 8 reaches 0.9 in half a minute


@pytest.mark.parametrize(
    "options", [{"frames": 3}, {"size": (40, 64)}, {"sequences": 0}, {"sequences": 100}, {"seed": -1}]
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, options: dict) -> None:
    with pytest.raises(SimulationError, match="cannot be made"):
        simulate(tmp_path / "cells", **options)
    with pytest.raises(SimulationError, match="no optics 'dark'"):
        simulate(tmp_path / "cells", optics="dark")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(own_cells: Path) -> None:
    before = digest(own_cells)
    with pytest.raises(PlaceError, match="is there already and not empty"):
        simulate(own_cells, **SMALL)
    assert digest(own_cells) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert simulate(tmp_path, **SMALL) == tmp_path
    assert (tmp_path / "01" / "t000.tif").is_file()
