"""cost.json: what is written is read, older files are mended, damaged ones are named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellprune.errors import CellpruneError
from cellprune.runs import cost
from cellprune.runs.cost import Budget, Bytes, Cost, Milliseconds, StandIn, Whole
from cellprune.structure.counts import ChannelCount, Layer, Macs, Parameters, Sparsity

LAYER = Layer("head.weight", "Conv2d", (2, 4, 1, 1), 8, 4, 3, 2, 1, 800, 400)
PRUNED = Cost(
    parameters=Parameters(total=10, left=6, prunable=8, kept=4, active=3),
    macs=Macs(800, 400, (1, 10, 10)),
    sparsity=Sparsity(0.5, 0.625, (1, 10, 10)),
    channels=ChannelCount(2, 1),
    layers=(LAYER,),
    bytes=Bytes(dense_fp32=40, model_file=30),
    milliseconds=Milliseconds(dense=2.0, pruned=1.5, repeats=5, threads=2, device="cpu"),
    dead_layers=(),
    budget=Budget("channels", 0.5, 0.5, 2, 1, 1),
)
SMALL = Cost(
    parameters=PRUNED.parameters,
    macs=PRUNED.macs,
    sparsity=PRUNED.sparsity,
    layers=(LAYER,),
    bytes=Bytes(dense_fp32=40, whole_fp32=80, model_file=30),
    milliseconds=Milliseconds(dense=1.0, whole=4.0, repeats=5, threads=2, device="cpu"),
    dead_layers=("head.weight",),
    control=StandIn("narrow", "params", 9, 8, (2, 4), Whole((4, 8), 20, 1600)),
)


def content(tmp_path: Path, value: Cost = PRUNED) -> dict[str, Any]:
    cost.write(tmp_path / "cost.json", value)
    read: dict[str, Any] = json.loads((tmp_path / "cost.json").read_text())
    return read


@pytest.mark.parametrize("value", [PRUNED, replace(PRUNED, shrunk=True), SMALL])
def test_what_is_written_is_read(tmp_path: Path, value: Cost) -> None:
    content(tmp_path, value)
    assert cost.read(tmp_path / "cost.json") == value


def test_a_key_is_there_only_where_it_says_something(tmp_path: Path) -> None:
    pruned, small = content(tmp_path), content(tmp_path, SMALL)
    assert list(pruned) == ["parameters", "macs", "sparsity", "channels", "layers", "bytes", "milliseconds",
                            "dead_layers", "budget"]  # fmt: skip
    assert pruned.keys() ^ small.keys() == {"channels", "budget", "control"}
    assert list(small["milliseconds"]) == ["dense", "whole", "repeats", "threads", "device"]
    assert small["control"]["whole"] == {"widths": [4, 8], "parameters": 20, "macs": 1600}


def test_an_older_file_is_mended(tmp_path: Path) -> None:
    older = content(tmp_path)
    for key in ("left", "active"):
        del older["parameters"][key]
    for key in ("channels", "channels_kept"):
        del older["layers"][0][key]
    for key in ("dead_layers", "budget", "channels"):
        del older[key]
    (tmp_path / "cost.json").write_text(json.dumps(older))
    mended = cost.read(tmp_path / "cost.json")
    assert mended.parameters == PRUNED.parameters
    assert (mended.layers[0].channels, mended.channels, mended.budget, mended.dead_layers) == (None, None, None, ())


def test_times_are_compared_within_one_measurement() -> None:
    assert PRUNED.time_ratio == 0.75
    assert SMALL.time_ratio == 0.25


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("macs", None, "macs: "),
        ("parameters", {"total": 1}, "it lacks 'prunable'"),
        ("layers", 3, "its values are of other kinds"),
        ("bytes", {"dense_fp32": "many", "model_file": 3}, r"bytes.dense_fp32: input should be a valid integer"),
    ],
)
def test_a_damaged_file_is_named_with_its_key(tmp_path: Path, key: str, value: object, message: str) -> None:
    (tmp_path / "cost.json").write_text(json.dumps(content(tmp_path) | {key: value}))
    with pytest.raises(CellpruneError, match=rf"cost.json is damaged \({message}.*: restore it, or make the run again"):
        cost.read(tmp_path / "cost.json")
