"""`cellprune bench` as a user types it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import typed
from onnx_files import model_file, network_of, onnx_file

from cellprune.bench import bench as benching
from cellprune.bench.measure import Measured
from cellprune.runs import modelfile
from cellprune.runs.folder import Folder


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, int], int]]:
    """What is asked of the measuring, which takes no time: 3 ms and a MB for each entry."""
    asked = []

    def measure(entries, size_px, threads, tell):
        asked.append((size_px, threads))
        return [Measured(entry, 3.0, 1_000_000) for entry in entries], 10

    monkeypatch.setattr(benching, "measure", measure)
    return asked


def test_files_are_measured_and_told(
    measured: list[tuple[tuple[int, int], int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, page = model_file(tmp_path / "m.safetensors", network_of()), tmp_path / "page.html"
    assert typed("bench", model, "-o", page, "--threads", 3) == 0
    said = capsys.readouterr()
    first, heads, *rows = said.out.splitlines()
    assert first.startswith("64 x 64 px, threads: 3, ")
    assert heads.split() == ["network", "engine", "time", "memory", "file", "macs", "params", "score"]
    assert rows[0].split()[:7] == ["m.safetensors", "torch", "fp32", "3.00", "ms", "1.00", "MB"]
    assert rows[-1] == f"Look at: {page}"
    assert "note: m.safetensors has no score here: name the run that it was made from, too." in said.err
    assert typed("bench", model, "-o", page, "--size", 30, 40, "--json") == 0, "the page is one of this command"
    said = json.loads(capsys.readouterr().out)
    assert (said["page"], said["size_px"]) == (str(page), [30, 40])
    assert said["rows"][0].items() >= {"network": "m.safetensors", "engine": "torch", "milliseconds": 3.0}.items()
    assert measured == [((64, 64), 3), ((30, 40), said["threads"])]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no network is named: give finished runs, model files or ONNX files"),
        (["m.safetensors", "--threads", "0"], "--threads 0: give 1 or more"),
        (["m.safetensors", "--size", "1", "40"], "--size 1 40 is smaller than any network takes: give 2 px at least"),
        (["m.safetensors", "-o", "page.txt"], "page.txt is no name of a page: name an .html file as --output"),
        (["none"], "none cannot be read (No such file or directory): check the path"),
        (["none.onnx"], "none.onnx cannot be read (No such file or directory): check the path"),
        (["begun"], "not finished: begun: go on by 'cellprune train --resume'"),
        (["bare.onnx"], "bare.onnx carries no card of cellprune"),
        (["classes.safetensors"], "classes.safetensors gives a class for a whole image, no map of cells"),
        (["m.safetensors", "./m.safetensors"], "m.safetensors is named twice: name each network once"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    words: list[str], said: str, measured: list[object], make_run: Callable[..., Folder], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    network = network_of()
    model_file(Path("m.safetensors"), network)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    modelfile.write(Path("classes.safetensors"), {**network.header, "output": "class"}, weights, {})
    Path("bare.onnx").write_bytes(b"\x08\x08")  # one field of any ONNX file
    begun = make_run("begun", n_images=1)
    begun.write_provenance(replace(begun.read_provenance(), finished=None))
    assert typed("bench", *words) == 2
    assert said in capsys.readouterr().err
    assert measured == []


@pytest.mark.slow
def test_every_engine_is_measured_in_a_process_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = model_file(tmp_path / "m.safetensors", network_of())
    assert typed("bench", model, onnx_file(tmp_path / "m.onnx"), "--threads", 1, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    by_name = {(row["network"], row["engine"], row["precision"]): row for row in rows}
    torch, onnx = by_name["m.safetensors", "torch", "fp32"], by_name["m.onnx", "onnx", "fp32"]
    assert 0 < onnx["milliseconds"] < 1000
    assert onnx["peak_bytes"] < torch["peak_bytes"] / 1.5, "no torch is loaded where none is needed"
