"""provenance.json: what is written is read, older files are mended, damaged ones are named; no user, no host."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cellprune.errors import CellpruneError
from cellprune.runs import documents, provenance
from cellprune.runs.cost import Milliseconds
from cellprune.runs.provenance import Data, Machine, Provenance

MADE = Provenance(
    started="2026-11-22T14:02:11+00:00",
    command=("cellprune", "train"),
    commit=None,
    versions={"python": "3.11.9", "imagecodecs": None},
    machine=Machine("Linux x86_64", "Xeon", 2, {"OMP_NUM_THREADS": "2"}),
    threads=2,
    device="cpu",
    precision="fp32",
    processes=1,
    data=Data("simulated", "0fb1"),
    segments={"segment": 3, "micro_batch": None},
    stages=("",),
    times={"training_s": 1741.0},
)
DONE = replace(MADE, epochs_of_masks=3, resumed=("2026-11-22T15:00:00+00:00",), epochs=5, finished="2026-11-22")


@pytest.mark.parametrize("made", [MADE, DONE])
def test_what_is_written_is_read(tmp_path: Path, made: Provenance) -> None:
    provenance.write(tmp_path / "provenance.json", made)
    assert provenance.read(tmp_path / "provenance.json") == made


def test_a_key_is_there_only_once_it_says_something() -> None:
    later = documents.plain(DONE).keys() - documents.plain(MADE).keys()
    assert later == {"epochs_of_masks", "resumed", "epochs", "finished"}
    assert documents.plain(MADE)["commit"] is None


def test_an_older_file_is_mended(tmp_path: Path) -> None:
    older = documents.plain(MADE) | {"segments": None}
    del older["stages"], older["machine"]["environment"]
    (tmp_path / "provenance.json").write_text(json.dumps(older))
    mended = provenance.read(tmp_path / "provenance.json")
    assert mended == replace(MADE, segments={}, stages=(), machine=replace(MADE.machine, environment={}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("machine", 3, "its values are of other kinds"), ("threads", "two", "threads: input should be a valid integer")],
)
def test_a_damaged_file_is_named_with_its_key(tmp_path: Path, key: str, value: object, message: str) -> None:
    (tmp_path / "provenance.json").write_text(json.dumps(documents.plain(MADE) | {key: value}))
    with pytest.raises(CellpruneError, match=rf"provenance.json is damaged \({message}.*: restore it"):
        provenance.read(tmp_path / "provenance.json")


def test_a_run_begins_with_what_this_process_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = provenance.begin(
        ["cellprune", "train", "-o", str(tmp_path / "run")],
        threads=1, device="cpu", precision="fp32", processes=1, data=MADE.data, segments={}, stages=["a"],
        epochs_of_masks=0,
    )  # fmt: skip
    assert made.command == ("cellprune", "train", "-o", "~/run")
    assert made.machine.environment["OMP_NUM_THREADS"] == "1"
    assert made.versions["numpy"]
    assert (made.times, made.finished, made.stages) == ({}, None, ("a",))


def test_a_machine_is_told_on_one_line() -> None:
    time = Milliseconds(dense=1.0, repeats=5, threads=4, device="cuda")
    assert provenance.machine(MADE, time) == "Xeon, 2 cores, Linux x86_64; cuda, threads: 4"
