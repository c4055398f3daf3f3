"""What other sets of the challenge bring: offsets, truth on a part of the frames, four digits, several sizes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cellprune.data.cells.loaders import Loaders
from cellprune.data.cells.split import split
from cellprune.data.check import check
from cellprune.data.inspection import CellCount
from cellprune.data.open import open_dataset

from .conftest import GREY, SIZE, list_tracks, truth_path, write

THREE = [(4, 4), (4, 24), (30, 24)]
Drawn = Callable[..., Path]


def test_truth_for_a_part_of_the_frames_is_no_error(drawn: Drawn) -> None:
    """As PhC-C2DL-PSC: markers and silver truth in the middle of the recording alone, gold truth also elsewhere."""
    frames: dict[str, dict[str, list[tuple[int, int]]]] = {f"01/{at:03d}": {} for at in range(10)}
    for at in range(4, 8):
        frames[f"01/{at:03d}"] = {"markers": THREE, "silver": THREE}
    for at in (2, 5, 6):
        frames[f"01/{at:03d}"]["gold"] = THREE
    folder = drawn(frames)
    report = check(str(folder))
    assert report.errors == ()
    assert (report.frames, report.gold, report.silver, report.markers) == (10, 3, 4, 4)
    assert report.cells == CellCount(9, 12)
    dataset = open_dataset(str(folder))
    for policy in ("paper", "ignore", "complete"):
        assert len(split(dataset, how="random", policy=policy).train) == 2
    silver = split(dataset, how="random", policy="silver")
    assert {f.number for f in (*silver.train, *silver.report)} == {2, 4, 5, 6, 7}
    # a list that tells of tracks before and after the frames with markers tells nothing that they contradict
    (folder / "01_GT" / "TRA" / "man_track.txt").write_text("1 0 9 0\n2 0 9 0\n3 4 7 0\n")
    assert check(str(folder)).errors == ()


def test_sixteen_bits_with_a_large_offset(drawn: Drawn) -> None:
    """As Fluo-N2DL-HeLa: near 33,000 everywhere, the cells some hundred grey levels above."""
    folder = drawn({f"01/{at:03d}": {"gold": THREE, "markers": THREE} for at in range(3)})
    for at in range(3):
        image = np.random.default_rng(at).integers(32_990, 33_010, SIZE).astype(np.uint16)
        for row, column in THREE:
            image[row : row + 8, column : column + 8] += 300
        write(folder / "01" / f"t{at:03d}.tif", image)
    report = check(str(folder))
    assert (report.errors, report.dtypes["image"]) == ((), ("uint16",))
    card = GREY.model_copy(update={"zoom": (1.0, 1.0)})
    loaders = Loaders(split(open_dataset(str(folder)), how="random", policy="ignore"), card=card, batch_size=2, seed=0)
    (sample,) = loaders.samples("report")
    image, cells = sample.seen(card)[0], sample.target_native == 1
    assert image[cells].min() > image[~cells].max(), "nothing of the contrast is lost"


def test_four_digits_and_three(drawn: Drawn) -> None:
    folder = drawn({"01/0000": {"gold": THREE, "markers": THREE}})
    names = ["0999", "1000", "1763"]
    for at, number in enumerate(names):
        write(folder / "01" / f"t{number}.tif", np.random.default_rng(at).integers(0, 255, SIZE).astype(np.uint8))
        for kind in ("gold", "markers"):
            path = truth_path(folder, "01", number, kind)
            path.write_bytes(truth_path(folder, "01", "0000", kind).read_bytes())
    (folder / "01_GT" / "TRA" / "man_track.txt").write_text("".join(f"{track} 0 1763 0\n" for track in (1, 2, 3)))
    report = check(str(folder))
    assert (report.errors, report.frames, report.gold) == ((), 4, 4)
    assert [frame.id for frame in open_dataset(str(folder)).frames] == ["01/000", "01/999", "01/1000", "01/1763"]


def test_frames_of_several_sizes_are_each_resized(drawn: Drawn) -> None:
    folder = drawn({f"01/{at:03d}": {"gold": THREE, "markers": THREE} for at in range(3)})
    larger = np.zeros((96, 64), np.uint16)
    larger[20:40, 10:30], larger[60:80, 10:30] = 1, 2
    write(folder / "01" / "t003.tif", np.random.default_rng(3).integers(0, 255, larger.shape).astype(np.uint8))
    write(truth_path(folder, "01", "003", "gold"), larger)
    report = check(str(folder))
    assert report.errors == ()
    assert "01: frames of 2 sizes, each resized to the network's to learn from: 48 x 64, 96 x 64" in report.notes
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    loaders = Loaders(made, card=GREY, size=(24, 32), batch_size=4, seed=0)
    assert next(iter(loaders.train(0)))[0].shape[1:] == (1, 24, 32)
    sizes = [sample.target_native.shape for part in ("train", "report") for sample in loaders.samples(part)]
    assert sorted(sizes) == [SIZE, SIZE, SIZE, (96, 64)]


def test_a_sequence_of_colour_among_grey_ones_is_an_error(drawn: Drawn) -> None:
    frames = {f"{sequence}/{at:03d}": {"gold": THREE} for sequence in ("01", "02") for at in range(2)}
    folder = drawn(frames)
    list_tracks(folder, "01", frames)
    for at in range(2):
        colour = np.random.default_rng(at).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
        write(folder / "02" / f"t{at:03d}.tif", colour, photometric="rgb")
    (error,) = check(str(folder)).errors
    assert "images of different channels, 1 in" in error
    assert "3 in" in error
