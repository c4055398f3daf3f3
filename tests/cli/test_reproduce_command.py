"""`cellprune reproduce` by its command: the tables that there are, every refusal, and a small one from end to end."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import typed

from cellprune.tables import paper

TINY = ("data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=4")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_table_the_tables_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "START", "training.unheard")
    assert typed("reproduce") == 0
    told = capsys.readouterr().out
    assert " 4  8 methods at 18 sparsities, ResNet-20 on CIFAR-10\n    rows lottery magnitude-after" in told
    assert "435 runs with 3 seeds" in told
    assert "this version lacks weights that BYOL trained; can be trained: --rows random" in told
    assert typed("reproduce", "--json") == 0
    assert [entry["number"] for entry in json.loads(capsys.readouterr().out)["tables"]] == list(paper.TABLES)


def test_the_list_of_a_table_has_a_command_for_each_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["reproduce", "3", "--columns", "cifar100-95", "--seeds", "1", "-o", "table", "--list"]
    monkeypatch.setattr(sys, "argv", ["cellprune", *asked])
    assert typed(*asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[2] == (
        "cellprune reproduce 3 --columns cifar100-95 --seeds 1 -o table --shard 3/5  # prospr M=1, 95 % removed, seed 0"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["12", "-o", "table"], "no table '12' (in the paper on ProsPr)"),
        (["4"], "no folder for the table: give one, such as -o table-4"),
        (["4", "-o", "table", "--epochs", "2", "--epochs-scale", "0.1"], "both say how long a training is: give one"),
        (["4", "-o", "table", "--epochs-scale", "0.001"], "--epochs-scale 0.001 leaves no epoch of the protocol's 160"),
        (["4", "-o", "table", "--seeds", "0"], "seeds: '0': input should be greater than or equal to 1"),
        (["4", "-o", "table", "--runs", "table/runs"], "--runs table/runs lies in --output table"),
        (["9", "-o", "table", "--data-root", "none"], "DIC-C2DH-HeLa is not in"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(
    more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("reproduce", *more) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_small_table_is_trained_resumed_and_told_beside_its_numbers(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = paper.table("8")
    slots = tuple(
        replace(slot, dataset="simulated", settings=TINY, method="snip" if slot.amount else "dense", variant=slot.row)
        for slot in cells.slots
    )
    monkeypatch.setattr(paper, "table", lambda number: replace(cells, slots=slots))
    asked = ["reproduce", "8", "-o", "table", "--seeds", "2", "--epochs-scale", "0.02"]
    here = ["--data-root", str(data_root), "--device", "cpu"]
    assert typed(*asked, *here, "--shard", "1/2") == 0
    assert "Table 8 of the paper on ProsPr, reduced (1 of 50 epochs; 2 of 3 seeds)" in capsys.readouterr().out
    assert typed(*asked, *here, "--resume", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["finished"], told["failed"]) == (6, 6, {})
    assert [place["row"] for place in told["published"]["places"]] == ["unpruned", "gradual-channel", "prospr"]
    with (tmp_path / "table/table.csv").open() as file:
        published = {row["table_row"]: float(row["published"]) for row in csv.DictReader(file) if row["published"]}
    assert published == {"unpruned": 0.9371, "gradual-channel": 0.9368, "prospr": 0.9369}
    assert typed(*asked, *here, "--resume", "--dry-run") == 0
    assert "all 6 runs are finished: nothing is left to train" in capsys.readouterr().out
