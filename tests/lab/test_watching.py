"""Images that come while a microscope runs: waited for, done once, and what was done stays."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from lab_engines import Bright, spots
from lab_jobs import SETTINGS, content, predicted

from cellprune.errors import WorkError
from cellprune.lab import watching
from cellprune.lab.arrivals import Arrivals
from cellprune.lab.axes import Axes
from cellprune.lab.earlier import names_in
from cellprune.lab.job import Done, Job
from cellprune.lab.output import Output
from cellprune.lab.watching import Scaling, watch

Step = Callable[[], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def save(path: Path, image=None) -> None:
    tifffile.imwrite(path, spots() if image is None else image, metadata=None)


def watched(folder: Path, out: Path, *steps: Step, engine: Bright | None = None, every_s: float = 2) -> Done:
    """Watch a folder in which something happens after each look; then somebody presses Ctrl-C."""
    happening: Iterator[Step] = iter(steps)
    now = [0.0]

    def wait(seconds: float) -> None:
        now[0] += every_s
        step = next(happening, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    names = {*(path.stem for path in folder.iterdir()), *names_in(out)}
    job = Job(engine or Bright(), Output(out, SETTINGS, sorted(names)))
    arrivals = Arrivals(folder, Axes(), clock=lambda: now[0])
    return watch(job, arrivals, Scaling(None, rescale=False), wait=wait)


def nothing() -> None:
    pass


def test_images_are_done_as_they_come_by_name_and_once(folder: Path, tmp_path: Path) -> None:
    engine = Bright()

    def two() -> None:
        save(folder / "c.tif")
        save(folder / "b.tif", spots(cells=[(3, 3, 6, 6)]))

    save(folder / "d.tif")
    done = watched(folder, tmp_path / "out", nothing, two, nothing, nothing, nothing, engine=engine)
    assert [image["name"] for image in done.images] == ["d", "b", "c"]
    assert len(engine.seen) == 3
    record = json.loads((tmp_path / "out/prediction.json").read_text())
    assert record["finished"] is True
    again = Bright()
    assert watched(folder, tmp_path / "out", nothing, nothing, engine=again).kept == 3
    assert again.seen == []
    # the same in the end as of one prediction after the other
    predicted(folder, tmp_path / "out")
    predicted(folder, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_half_written_file_is_waited_for(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 9999, (40, 50), dtype=np.uint16))
    content_of = (tmp_path / "a.tif").read_bytes()
    told: list[int] = []

    def part(n_bytes: int) -> Step:
        return lambda: (folder / "a.tif").write_bytes(content_of[:n_bytes])

    steps = [part(50), nothing, nothing, part(3000), nothing, nothing, lambda: told.append(1), part(len(content_of))]
    done = watched(folder, tmp_path / "out", *steps, nothing, nothing)
    assert not done.failures
    assert [image["name"] for image in done.images] == ["a"]
    stack = np.stack([spots(), spots(cells=[(1, 1, 9, 9)])])
    tifffile.imwrite(tmp_path / "film.tif", stack, photometric="minisblack", metadata={"axes": "TYX"})
    whole = (tmp_path / "film.tif").read_bytes()
    film = folder / "film.tif"
    cut = [lambda: film.write_bytes(whole[:-900]), nothing, nothing, lambda: film.write_bytes(whole), nothing, nothing]
    done = watched(folder, tmp_path / "out", nothing, *cut)
    assert not done.failures
    assert tifffile.imread(tmp_path / "out/labels/film.tif").shape == (2, 40, 50)
    with (tmp_path / "out/cells.csv").open() as file:
        rows = [(row["image"], row["frame"], row["label"]) for row in csv.DictReader(file)]
    assert len(rows) == len(set(rows)), "no cell stands there twice"


def test_a_damaged_file_is_listed_the_others_go_on_and_repaired_it_is_done(folder: Path, tmp_path: Path) -> None:
    (folder / "a.tif").write_bytes(b"II*\0 and no more")
    (folder / "d.czi").write_bytes(b"ZISRAWFILE")
    save(folder / "b.tif")
    done = watched(folder, tmp_path / "out", nothing, nothing, nothing, nothing, every_s=20)
    assert [image["name"] for image in done.images] == ["b"]
    assert {Path(failure.shown).name for failure in done.failures} == {"a.tif", "d.czi"}
    failed = json.loads((tmp_path / "out/prediction.json").read_text())["failed"]
    assert {Path(one["image"]).name for one in failed} == {"a.tif", "d.czi"}

    def twins() -> None:
        save(folder / "a.tif")
        save(folder / "B.TIF")

    done = watched(folder, tmp_path / "out", nothing, nothing, nothing, twins, nothing, nothing, every_s=20)
    assert {image["name"] for image in done.images} == {"a", "b"}
    assert sorted(Path(failure.shown).name for failure in done.failures) == ["B.TIF", "d.czi"]


def test_a_file_that_changes_is_predicted_anew_and_nothing_of_before_is_left(folder: Path, tmp_path: Path) -> None:
    pages = np.stack([spots(), spots(cells=[(1, 1, 9, 9)]), spots(cells=[(9, 9, 9, 9)])])

    def film(n_pages: int) -> Step:
        said = {"photometric": "minisblack", "metadata": {"axes": "TYX"}} if n_pages > 1 else {"metadata": None}
        return lambda: tifffile.imwrite(folder / "film.tif", pages[:n_pages] if n_pages > 1 else pages[0], **said)

    film(2)()
    for n_pages in (3, 1):
        out = tmp_path / f"out{n_pages}"
        done = watched(folder, out, nothing, nothing, film(n_pages), nothing, nothing)
        predicted(folder, tmp_path / f"whole{n_pages}")
        assert not done.failures
        assert content(out) == content(tmp_path / f"whole{n_pages}"), f"{n_pages} pages"
    done = watched(folder, tmp_path / "out1", nothing, nothing, film(2))
    assert [Path(failure.shown).name for failure in done.failures] == ["film.tif"]
    assert "changed after it was predicted: give the same command again" in done.failures[0].why


def test_a_file_that_changes_while_it_is_predicted_is_not_taken_for_what_it_became(
    folder: Path, tmp_path: Path
) -> None:
    class Slow(Bright):
        def __call__(self, images):
            if not self.seen:
                save(folder / "a.tif", spots(cells=[(3, 3, 6, 6)]))
            return super().__call__(images)

    save(folder / "a.tif")
    done = watched(folder, tmp_path / "out", nothing, engine=Slow())
    assert len(done.images) == len(done.rows) == 0
    assert len(done.failures) == 1
    predicted(folder, tmp_path / "out")
    predicted(folder, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_what_is_waited_for_at_the_end_is_a_failure_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (folder / "cut.tif").write_bytes(b"II*\0 and no more")
    tifffile.imwrite(folder / "slices.tif", np.stack([spots()] * 3), imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(folder / "rgb.tif", np.arange(300, dtype=np.uint8).reshape(10, 10, 3), photometric="rgb")
    done = watched(folder, tmp_path / "out", nothing, nothing, lambda: save(folder / "late.tif"))
    why = {Path(failure.shown).name: failure.why for failure in done.failures}
    assert len(done.failures) == len(why) == 4
    assert "give --z max" in why["slices.tif"]
    assert "has 3 channels, but the model takes 1" in why["rgb.tif"]
    assert "was not predicted before the watch ended: give the same command again" in why["late.tif"]
    assert "cut.tif" in why["cut.tif"]
    assert len(json.loads((tmp_path / "out/prediction.json").read_text())["failed"]) == 4


def test_what_was_done_of_images_that_were_moved_away_stays(folder: Path, tmp_path: Path) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    save(folder / "a.tif")
    save(folder / "=b.tif", np.full((9, 9), 7, np.uint8))
    save(folder / "film.tif", np.stack([spots(), spots(cells=[(3, 3, 6, 6)])]))
    watched(folder, out, nothing, nothing)
    before = content(out)
    for name in ("a.tif", "=b.tif", "film.tif"):
        (folder / name).rename(away / name)
    done = watched(folder, out, nothing, nothing)
    assert (done.kept, len(done.images), len(done.rows), done.blank) == (4, 4, 5, ["=b"])
    assert content(out) == before, "nothing came"
    save(folder / "c.tif")
    save(folder / "a.tif", spots(cells=[(9, 9, 7, 7)]))  # another image of a name that was there
    done = watched(folder, out, nothing, nothing)
    assert [image["name"] for image in done.images] == ["=b", "film_t000", "film_t001", "a", "c"]
    with (out / "cells.csv").open(encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == [*["film.tif"] * 3, "a.tif", "c.tif", "c.tif"]
    assert tifffile.imread(out / "labels/a.tif").max() == 1


def test_a_record_that_cannot_be_ended_names_each_image_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_at_the_end(output: Output, done: Done, *, finished: bool) -> None:
        if finished:
            raise WorkError("No space left on device")
        write(output, done, finished=finished)

    out, write = tmp_path / "out", watching.write
    save(folder / "a.tif")
    watched(folder, out, nothing, nothing)
    (folder / "a.tif").rename(tmp_path / "a.tif")
    monkeypatch.setattr(watching, "write", full_at_the_end)
    with pytest.raises(WorkError, match="1 image is done and kept"):
        watched(folder, out, nothing, nothing)
    assert [image["name"] for image in json.loads((out / "prediction.json").read_text())["images"]] == ["a"]


def test_an_output_that_disappears_is_not_said_to_be_kept(folder: Path, tmp_path: Path) -> None:
    save(folder / "a.tif")
    with pytest.raises(WorkError, match=r"the output folder '.*out' is gone, with what was done: give") as told:
        watched(folder, tmp_path / "out", nothing, nothing, lambda: shutil.rmtree(tmp_path / "out"))
    assert "kept" not in str(told.value)


def test_a_folder_that_disappears_is_one_line_and_what_was_done_is_kept(folder: Path, tmp_path: Path) -> None:
    save(folder / "a.tif")
    with pytest.raises(WorkError, match=r"the folder '.*in' is gone: 1 image is done and kept in .*out"):
        watched(folder, tmp_path / "out", nothing, nothing, lambda: shutil.rmtree(folder))
    assert json.loads((tmp_path / "out/prediction.json").read_text())["images"][0]["name"] == "a"
    assert len((tmp_path / "out/cells.csv").read_text().splitlines()) == 1 + 2
    assert tifffile.imread(tmp_path / "out/labels/a.tif").max() == 2
