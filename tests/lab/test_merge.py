"""Shards beside each other in one folder, and the one table of theirs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lab_engines import Bright, spots
from lab_jobs import SETTINGS, content, predicted

from cellprune.errors import CellpruneError
from cellprune.lab.merge import merge
from cellprune.lab.output import Output
from cellprune.machine.shard import Shard
from cellprune.runs import documents

Write = Callable[..., Path]
FIRST, SECOND = Shard(1, 2), Shard(2, 2)


@pytest.fixture
def inputs(write: Write, tmp_path: Path) -> Path:
    """Three images with cells, one without, a stack, one that cannot be predicted, and two blank ones."""
    for name in "abc":
        write(f"in/{name}.tif", spots(cells=[(1, 1, 5, 5), (20, 20 + ord(name) % 7, 6, 6)]))
    write("in/d.tif", np.tile(np.arange(50, dtype=np.uint8), (40, 1)))
    write("in/film.tif", np.stack([spots(), spots()]), photometric="minisblack")
    write("in/flat.tif", np.full((9, 9), np.nan, np.float32))
    for name in ("e", "empty"):
        write(f"in/{name}.tif", np.full((9, 9), 7, np.uint8))
    return tmp_path / "in"


@pytest.fixture
def shards(inputs: Path, tmp_path: Path) -> Path:
    for shard in (SECOND, FIRST):
        predicted(inputs, tmp_path / "out", shard=shard)
    return tmp_path / "out"


def test_shards_are_merged_to_what_one_process_leaves(inputs: Path, shards: Path, tmp_path: Path) -> None:
    predicted(inputs, tmp_path / "whole")
    made = merge([shards], shards)
    whole, there = content(tmp_path / "whole"), content(shards)
    for name in whole.keys() - {"prediction.json"}:
        assert there[name] == whole[name], name
    said, of_whole = (json.loads(files["prediction.json"]) for files in (there, whole))
    assert {key: said[key] for key in of_whole} == of_whole
    assert (said["merged"], made.pieces, made.images, made.cells) == (2, 2, 8, of_whole["cells"])
    assert [Path(one["image"]).name for one in made.failed] == ["flat.tif"]
    merge([shards], shards, multiqc=True)
    table = json.loads((shards / "cellprune_mqc.json").read_text())
    assert table["data"]["film.tif"] == {"images": 2, "cells": 4, "not_done": 0}
    assert sum(row["cells"] for row in table["data"].values()) == made.cells
    assert table["data"]["flat.tif"] == {"images": 0, "cells": 0, "not_done": 1}
    (shards / "cellprune_mqc.json").unlink()
    assert content(shards) == there, "the same again changes nothing"
    merge([shards], shards, multiqc=True)
    predicted(inputs, shards, shard=FIRST)  # it is no foreign file


def test_a_shard_that_is_killed_and_begun_again_gives_the_same_bytes(
    inputs: Path, shards: Path, tmp_path: Path
) -> None:
    class Stops(Bright):
        def __call__(self, images):
            if self.seen:
                raise KeyboardInterrupt
            return super().__call__(images)

    with pytest.raises(KeyboardInterrupt):
        predicted(inputs, tmp_path / "again", Stops(), shard=FIRST)
    for name in ("a.tif", "b.tif"):  # what a killed writer leaves, of each shard
        (tmp_path / f"again/labels/.{name}.01234567.partial").mkdir()
    with pytest.raises(CellpruneError, match=r"1-of-2 is not finished: give its command --shard 1/2 again"):
        merge([tmp_path / "again"], tmp_path / "again")
    assert predicted(inputs, tmp_path / "again", shard=FIRST).kept == 1
    left = tmp_path / "again/labels/.b.tif.01234567.partial"
    assert [path.name for path in left.parent.iterdir() if path.name.startswith(".")] == [left.name], "not ours"
    with pytest.raises(CellpruneError, match=r"shard 2/2 is not there: run predict with --shard 2/2 first"):
        merge([tmp_path / "again"], tmp_path / "again")
    left.rmdir()
    predicted(inputs, tmp_path / "again", shard=SECOND)
    assert content(tmp_path / "again") == content(shards)


def test_two_shards_work_in_one_folder_at_once_and_one_shard_only_once(inputs: Path, tmp_path: Path) -> None:
    names = ["a", "b", "c", "d", "film", "film_t000", "film_t001"]
    with Output(tmp_path / "out", SETTINGS, names, shard=FIRST).locked():
        predicted(inputs, tmp_path / "out", shard=SECOND)
        with pytest.raises(CellpruneError, match="another process is at work"):
            predicted(inputs, tmp_path / "out", shard=FIRST)


def test_more_shards_than_files_and_shards_in_folders_of_their_own(inputs: Path, tmp_path: Path) -> None:
    for number in range(1, 9):
        predicted(inputs, tmp_path / f"{number}", shard=Shard(number, 8))
    predicted(inputs, tmp_path / "whole")
    folders = [tmp_path / f"{number}" for number in range(1, 9)]
    merge(folders, tmp_path / "made/table")
    merge(folders, tmp_path / "made/table")
    assert content(tmp_path / "made/table").keys() == {"cells.csv", "prediction.json"}
    assert (tmp_path / "made/table/cells.csv").read_bytes() == (tmp_path / "whole/cells.csv").read_bytes()
    shutil.copytree(tmp_path / "8", tmp_path / "copy")
    with pytest.raises(CellpruneError, match="are the same shard: give one of them"):
        merge([*folders, tmp_path / "copy"], tmp_path / "made/table")


def test_a_file_that_came_between_two_shards_is_missed(write: Write, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (inputs / "flat.tif").write_bytes(b"II*\0")
    predicted(inputs, out, shard=FIRST)
    write("in/flat.tif")  # repaired, which changes no list
    predicted(inputs, out, shard=SECOND)
    merge([out], out)
    write("in/zlast.tif")  # its turn is that of the first shard
    predicted(inputs, out, shard=SECOND)
    before = content(out)
    with pytest.raises(CellpruneError, match=r"the inputs changed between shard 1/2 and shard 2/2: give the commands"):
        merge([out], out)
    assert content(out) == before
    record = out / "shards/1-of-2/prediction.json"
    said = documents.read_json(record)
    documents.write_json(record, {key: value for key, value in said.items() if key != "inputs"})
    with pytest.raises(CellpruneError, match=r"shard 1/2 in .* is of an older version, .*: give its command again"):
        merge([out], out)
    assert predicted(inputs, out, shard=FIRST).kept == 5
    assert merge([out], out).images == 10


def test_whole_predictions_come_one_after_the_other(write: Write, tmp_path: Path) -> None:
    for name in "ab":
        predicted(write(f"{name}.tif"), tmp_path / f"out-{name}")
    merge([tmp_path / "out-b", tmp_path / "out-a"], tmp_path / "out")
    _, *lines = (tmp_path / "out/cells.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["b.tif", "b.tif", "a.tif", "a.tif"]


def test_what_does_not_belong_together_is_refused_and_nothing_is_written(
    inputs: Path, shards: Path, write: Write, tmp_path: Path
) -> None:
    image = write("a.tif")
    predicted(image, tmp_path / "other", model="1" * 64)
    predicted(image, tmp_path / "same")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/cells.csv").write_text("mine")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/prediction.json").write_text('{"finished": true}')
    before = content(tmp_path)
    for folders, output, said in (
        ([shards, tmp_path / "other"], "new", "were predicted with another model: one table is of one model"),
        ([shards, tmp_path / "same"], "new", "both hold 'a': if the inputs changed"),
        ([shards, tmp_path / "none"], "new", "there is no folder"),
        ([shards, tmp_path / "damaged"], "new", r"damaged/prediction.json is damaged \(it has no cells\): give"),
        ([inputs], "new", "holds no prediction: give the -o of predict"),
        ([shards], "foreign", "holds something else than a merged table"),
        ([shards], "in", "holds something else than a merged table"),
        ([shards], "a.tif", "holds something else than a merged table"),
    ):
        with pytest.raises(CellpruneError, match=said):
            merge(folders, tmp_path / output)
    for shard, said in (
        (None, "was predicted in 2 shards: give one as --shard, such as --shard 1/2"),
        (Shard(1, 3), "was predicted in 2 shards, not in 3: give --shard I/2"),
    ):
        with pytest.raises(CellpruneError, match=said):
            predicted(inputs, shards, shard=shard)
    with pytest.raises(CellpruneError, match="was predicted as a whole: give --shard 1/1"):
        predicted(image, tmp_path / "same", shard=FIRST)
    with pytest.raises(CellpruneError, match="was predicted with another --rescale"):
        predicted(inputs, shards, shard=FIRST, rescale=None)
    assert content(tmp_path) == before


def test_a_table_that_does_not_fit_its_record_is_not_merged(shards: Path) -> None:
    merge([shards], shards)
    table = shards / "shards/1-of-2/cells.csv"
    whole, before = table.read_text(), {name: (shards / name).read_bytes() for name in ("prediction.json", "cells.csv")}
    for torn, said in (
        (whole.rsplit("\n", 2)[0] + "\n", "does not fit its prediction.json"),
        (whole + whole.splitlines()[1] + "\n", "does not fit its prediction.json"),
        (whole.replace("area_px", "area", 1), "has other columns than the others"),
    ):
        table.write_text(torn)
        with pytest.raises(CellpruneError, match=said):
            merge([shards], shards)
        with pytest.raises(CellpruneError, match=said):
            merge([shards], shards.parent / "new")
    assert {name: (shards / name).read_bytes() for name in before} == before, "the earlier table stays"
    assert not (shards.parent / "new").exists()
