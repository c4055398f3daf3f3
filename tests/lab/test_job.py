"""Many images into one folder: what is done stays done, and nothing else is ever left."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from lab_engines import Bright, spots
from lab_jobs import SETTINGS, content, predicted
from tiff_pages import predictors

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.read import ImageError, read_header
from cellprune.lab.gathering import Failure
from cellprune.lab.output import Output
from cellprune.runs import atomic

Write = Callable[..., Path]


def test_the_exact_set_of_files(three: Path, tmp_path: Path) -> None:
    done = predicted(three, tmp_path / "out")
    assert set(content(tmp_path / "out")) == {
        "cells.csv", "prediction.json",
        "labels/a.tif", "labels/b.tif", "labels/c.tif", "overlays/a.png", "overlays/b.png", "overlays/c.png",
    }  # fmt: skip
    labels = tifffile.imread(tmp_path / "out/labels/a.tif")
    assert labels.shape == (40, 50)
    assert labels.dtype == np.uint16
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert len((tmp_path / "out/cells.csv").read_text().splitlines()) == 1 + 6
    record = json.loads((tmp_path / "out/prediction.json").read_text())
    assert record["finished"] is True
    assert record["settings"] == SETTINGS
    assert record["images"][0] == {"name": "a", "image": "a.tif", "frame": 0, "cells": 2}
    assert (len(done.rows), done.kept) == (6, 0)


def test_the_same_again_asks_the_network_nothing_and_changes_no_byte(three: Path, tmp_path: Path) -> None:
    predicted(three, tmp_path / "out")
    before, engine = content(tmp_path / "out"), Bright()
    assert predicted(three, tmp_path / "out", engine).kept == 3
    assert engine.seen == []
    assert content(tmp_path / "out") == before


class Stops(Bright):
    """An engine that is interrupted at its third image."""

    def __call__(self, images):
        if len(self.seen) == 2:
            raise KeyboardInterrupt
        return super().__call__(images)


def test_an_interrupted_prediction_goes_on_and_ends_alike(three: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        predicted(three, tmp_path / "out", Stops())
    assert len((tmp_path / "out/cells.csv").read_text().splitlines()) == 1 + 4, "the table fits the labels"
    engine = Bright()
    assert predicted(three, tmp_path / "out", engine).kept == 2
    assert len(engine.seen) == 1
    predicted(three, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_kill_between_the_files_of_an_image_is_mended(three: Path, tmp_path: Path) -> None:
    predicted(three, tmp_path / "out")
    whole = content(tmp_path / "out")
    (tmp_path / "out/labels/a.tif").unlink()
    (tmp_path / "out/overlays/b.png").unlink()
    (tmp_path / "out/labels/c.tif").write_bytes(whole["labels/c.tif"][:100])
    leftover = tmp_path / "out/labels/.a.tif.1.partial"
    leftover.mkdir()
    (leftover / "a.tif").write_bytes(b"half")
    (tmp_path / "out/cells.csv").unlink()
    engine = Bright()
    predicted(three, tmp_path / "out", engine)
    assert len(engine.seen) == 3
    assert content(tmp_path / "out") == whole
    assert not leftover.exists()


def test_an_image_that_changed_is_done_again_and_a_new_one_added(three: Path, write: Write, tmp_path: Path) -> None:
    predicted(three, tmp_path / "out")
    write("in/b.tif", spots(cells=[(1, 1, 5, 5)]))
    write("in/d.tif")
    engine = Bright()
    assert predicted(three, tmp_path / "out", engine).kept == 2
    assert len(engine.seen) == 2
    assert tifffile.imread(tmp_path / "out/labels/b.tif").max() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "1" * 64}, "predicted with another model"),
        ({"rescale": None}, "with another --rescale"),
        ({"model": "1" * 64, "rescale": None}, "another --rescale and another model"),
    ],
)
def test_another_model_or_setting_is_refused(change: dict, said: str, three: Path, tmp_path: Path) -> None:
    predicted(three, tmp_path / "out")
    before = content(tmp_path / "out")
    with pytest.raises(CellpruneError, match=f"{said}: give the same as before, or another -o"):
        predicted(three, tmp_path / "out", **change)
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize("foreign", ["notes.txt", "labels/x.tif", "labels/a.txt", "overlays/z.png", "cells.csv"])
def test_a_folder_with_foreign_content_is_refused(foreign: str, three: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / foreign
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(CellpruneError, match=r"holds '.*', which is not a result of these inputs"):
        predicted(three, tmp_path / "out")
    assert content(tmp_path / "out") == {foreign: b"mine"}


def test_labels_of_other_images_are_foreign(three: Path, write: Write, tmp_path: Path) -> None:
    predicted(three, tmp_path / "out")
    with pytest.raises(CellpruneError, match=r"holds 'labels/b\.tif'"):
        predicted(three / "a.tif", tmp_path / "out")


def test_a_file_where_the_folder_should_be_is_refused(three: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(CellpruneError, match="is a file, not a folder"):
        predicted(three, tmp_path / "out")


def test_two_processes_do_not_share_a_folder(three: Path, tmp_path: Path) -> None:
    other = Output(tmp_path / "out", SETTINGS, ["a", "b", "c"])
    with other.locked(), pytest.raises(CellpruneError, match="another process is at work"):
        predicted(three, tmp_path / "out")


def test_a_full_disk_keeps_what_is_done_and_says_so(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, replace = [], os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "b.tif" or "b.tif" in written:
            written.append("b.tif")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    told = r"could not write .*/b.tif \(No space left on device\): 1 of 3 images are done and kept in .*same command"
    with pytest.raises(WorkError, match=told):
        predicted(three, tmp_path / "out")
    monkeypatch.undo()
    assert set(content(tmp_path / "out")) == {"labels/a.tif", "overlays/a.png", "overlays/b.png", "prediction.json"}
    assert predicted(three, tmp_path / "out").kept == 1
    predicted(three, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_what_cannot_be_used_is_listed_and_the_rest_is_done(three: Path, write: Write, tmp_path: Path) -> None:
    write("in/colour.tif", np.stack([spots(), spots(), 9 + spots()], axis=-1), photometric="rgb")
    write("in/flat.tif", np.full((9, 9), 7, np.uint8))
    write("in/nan.tif", np.full((9, 9), np.nan, np.float32))
    (three / "empty.tif").touch()
    done = predicted(three, tmp_path / "out")
    assert [image["name"] for image in done.images] == ["a", "b", "c", "flat"]
    said = {Path(failure.shown).name: failure.why for failure in done.failures}
    assert said.keys() == {"colour.tif", "nan.tif", "empty.tif"}
    assert "has 3 channels, but the model takes 1: convert it to grey" in said["colour.tif"]
    record = json.loads((tmp_path / "out/prediction.json").read_text())
    assert len(record["failed"]) == 3
    assert record["finished"] is True


def test_no_image_with_the_models_channels_is_refused_before_anything_is_written(three: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="has 1 channel, but the model takes 3: give an image of 3 channels"):
        predicted(three, tmp_path / "out", Bright(channels=3))
    assert not (tmp_path / "out").exists()


def test_grey_that_is_saved_in_colour_is_grey_for_a_model_of_one_channel_and_colour_for_one_of_three(
    write: Write, tmp_path: Path
) -> None:
    write("in/rgb.tif", np.stack([spots()] * 3, axis=-1), photometric="rgb")
    write("grey/rgb.tif")
    done, grey = predicted(tmp_path / "in", tmp_path / "out"), predicted(tmp_path / "grey", tmp_path / "grey_out")
    assert (done.grey, grey.grey) == (["rgb.tif"], [])
    assert not done.failures
    assert [*done.rows] == [*grey.rows]
    assert predicted(tmp_path / "in", tmp_path / "colour", Bright(channels=3)).grey == []


def test_without_a_pixel_size_an_image_is_not_rescaled_and_the_rest_is(write: Write, tmp_path: Path) -> None:
    write("in/a.tif", resolution=(1e4, 1e4), resolutionunit="CENTIMETER")
    write("in/b.tif")
    done = predicted(tmp_path / "in", tmp_path / "out", Bright(pixel_size_um=(1, 1)), rescale=True)
    assert [image["name"] for image in done.images] == ["a"]
    assert done.failures == [
        Failure("b.tif", "--rescale: the pixel size of b.tif is unknown: give it as --pixel-size Y X, in um")
    ]


def test_litter_in_the_folder_is_nobodys_content(three: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "labels").mkdir(parents=True)
    (tmp_path / "out" / "overlays").mkdir()
    for name in ("._x", "labels/._a.tif", "labels/Thumbs.db", "@eaDir"):
        (tmp_path / "out" / name).touch()
    assert len(predicted(three, tmp_path / "out").images) == 3


class Small(Bright):
    """An engine on a machine without memory."""

    def __call__(self, images):
        raise WorkError("the memory of cpu is not enough for 40 x 50 px at once")


def test_no_memory_for_an_image_is_that_images_failure(three: Path, tmp_path: Path) -> None:
    done = predicted(three, tmp_path / "out", Small())
    assert len(done.failures) == 3
    assert "memory" in done.failures[0].why


def test_channels_and_classes_reach_the_table(write: Write, tmp_path: Path) -> None:
    class Debris(Bright):
        def __call__(self, images):
            maps = super().__call__(images)
            maps[:, 2, :, 25:] = 2 * maps[:, 1, :, 25:]
            return maps

    path = write("x.tif", np.stack([spots()] * 3, axis=-1), photometric="rgb")
    engine = Debris(channels=3, classes=3)
    assert [row["class"] for row in predicted(path, tmp_path / "out", engine).rows] == ["cell", "debris"]
    again = predicted(path, tmp_path / "out", engine)
    assert [row["class"] for row in again.rows] == ["cell", "debris"], "read back from the labels"


def test_a_stacks_planes_are_frames(write: Write, tmp_path: Path) -> None:
    planes = np.stack([spots(), spots(cells=[(2, 2, 4, 4)])])
    path = write("film.tif", planes, photometric="minisblack")
    rows = [*predicted(path, tmp_path / "out").rows]
    assert [(row["image"], row["frame"], row["label"]) for row in rows] == [
        ("film.tif", 0, 1), ("film.tif", 0, 2), ("film.tif", 1, 1),
    ]  # fmt: skip


def test_the_pixel_size_goes_into_table_and_labels(write: Write, tmp_path: Path) -> None:
    path = write("x.tif", resolution=(1e4 / 0.5, 1e4 / 0.25), resolutionunit="CENTIMETER")
    rows = [*predicted(path, tmp_path / "out").rows]
    assert rows[0]["area_um2"] == 10 * 12 * 0.25 * 0.5
    assert read_header(tmp_path / "out/labels/x.tif").pixel_size_um == pytest.approx((0.25, 0.5))
    given = [*predicted(path, tmp_path / "given", pixel_size=(1.0, 2.0)).rows]
    assert given[0]["area_um2"] == 240.0
    assert read_header(tmp_path / "given/labels/x.tif").pixel_size_um == pytest.approx((1.0, 2.0))


@pytest.fixture
def film(write: Write) -> Path:
    """A stack of three, of which each image has another number of cells."""
    cells = [(2, 2, 4, 4), (20, 30, 9, 9), (5, 15, 6, 6)]
    planes = np.stack([spots(cells=cells[:n]) for n in (1, 3, 2)])
    return write(
        "in/film.tif", planes, photometric="minisblack", resolution=(2e4, 4e4), resolutionunit="CENTIMETER"
    )  # fmt: skip


def test_a_stack_in_gives_a_stack_out_and_separate_files_if_these_are_asked_for(film: Path, tmp_path: Path) -> None:
    predicted(film, tmp_path / "out")
    predicted(film, tmp_path / "files", separate=True)
    assert [path.name for path in (tmp_path / "out/labels").iterdir()] == ["film.tif"]
    names = [f"film_t{at:03d}" for at in range(3)]
    assert sorted(path.stem for path in (tmp_path / "files/labels").iterdir()) == names
    assert sorted(path.stem for path in (tmp_path / "out/overlays").iterdir()) == names
    with tifffile.TiffFile(tmp_path / "out/labels/film.tif") as tif:
        assert (tif.series[0].axes, len(tif.pages)) == ("TYX", 3)
        labels = tif.asarray()
    assert labels.dtype == np.uint16
    assert read_header(tmp_path / "out/labels/film.tif").pixel_size_um == pytest.approx((0.25, 0.5))
    assert np.array_equal(labels, [tifffile.imread(tmp_path / "files/labels" / f"{name}.tif") for name in names])
    assert (tmp_path / "out/cells.csv").read_text() == (tmp_path / "files/cells.csv").read_text()
    assert predictors(tmp_path / "out") == predictors(tmp_path / "files") == {1}, "ImageJ reads no others rightly"


def test_a_stack_that_was_interrupted_goes_on_and_a_finished_one_is_kept(film: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        predicted(film, tmp_path / "out", Stops())
    assert len([*(tmp_path / "out/labels").iterdir()]) == 2
    assert predicted(film, tmp_path / "out").kept == 2
    whole = content(tmp_path / "out")
    assert predicted(film, tmp_path / "out").kept == 3
    assert content(tmp_path / "out") == whole
    (tmp_path / "out/overlays/film_t001.png").unlink()
    engine = Bright()
    assert predicted(film, tmp_path / "out", engine).kept == 2
    assert len(engine.seen) == 1
    assert content(tmp_path / "out") == whole
    (tmp_path / "out/labels/film.tif").write_bytes(whole["labels/film.tif"][:300])
    assert predicted(film, tmp_path / "out").kept == 0
    assert content(tmp_path / "out") == whole


def test_of_a_stack_with_an_image_that_fails_each_keeps_its_file(write: Write, tmp_path: Path) -> None:
    path = write("film.tif", np.stack([spots(), spots() * np.nan, spots()]), photometric="minisblack")
    assert len(predicted(path, tmp_path / "out").failures) == 1
    assert sorted(path.name for path in (tmp_path / "out/labels").iterdir()) == ["film_t000.tif", "film_t002.tif"]
    write("film.tif", np.stack([spots(), spots(), spots()]), photometric="minisblack")
    assert not predicted(path, tmp_path / "out").failures
    assert [path.name for path in (tmp_path / "out/labels").iterdir()] == ["film.tif"]


def test_a_blank_frame_of_a_time_lapse_has_no_cells_and_is_named(write: Write, tmp_path: Path) -> None:
    path = write("film.tif", np.stack([spots(), np.full_like(spots(), 7), spots()]), photometric="minisblack")
    done = predicted(path, tmp_path / "out")
    assert not done.failures
    assert [image["cells"] for image in done.images] == [2, 0, 2]
    record = json.loads((tmp_path / "out/prediction.json").read_text())
    assert (record["blank"], record["failed"]) == (["film_t001"], [])
    labels = tifffile.imread(tmp_path / "out/labels/film.tif")
    assert [frame.max() for frame in labels] == [2, 0, 2]
    assert (tmp_path / "out/overlays/film_t001.png").is_file()
    before, engine = content(tmp_path / "out"), Bright()
    assert predicted(path, tmp_path / "out", engine).kept == 3
    assert (engine.seen, content(tmp_path / "out")) == ([], before)


@pytest.mark.parametrize("name", ["=cmd|x.tif", "<script>.tif", "two\nlines.tif", "ü %s.tif"])
def test_odd_names_come_through(name: str, write: Write, tmp_path: Path) -> None:
    try:
        path = write(name)
    except OSError:
        pytest.skip("this file system does not take the name")
    predicted(path, tmp_path / "out")
    assert (tmp_path / "out/labels" / name).exists()
    line = (tmp_path / "out/cells.csv").read_text().splitlines()[1]
    assert not line.startswith("=")
    assert predicted(path, tmp_path / "out").kept == 1


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are text there")
def test_a_name_that_is_no_text_comes_through(write: Write, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.tif")
    path.write_bytes(write("x.tif").read_bytes())
    assert next(iter(predicted(path, tmp_path / "out").rows))["image"] == "caf\\udce9.tif"
