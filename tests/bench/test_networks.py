"""What is known of the networks that are compared, and in which engines each of them runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from onnx_files import header_of, model_file, network_of, onnx_file

from cellprune.bench import networks
from cellprune.bench.bench import _notes
from cellprune.bench.networks import entries, read
from cellprune.errors import CellpruneError
from cellprune.export.onnx import with_header
from cellprune.runs import modelfile, onnxfile, provenance
from cellprune.runs.folder import Folder

MakeRun = Callable[..., Folder]


def trained(run: Folder) -> Folder:
    """Give a run the network of these tests."""
    write(run.file("model"), run)
    return run


def write(path: Path, run: Folder) -> Path:
    network = network_of()
    header = header_of(network.header["architecture"])
    header |= {"provenance_sha256": provenance.digest(run.read_provenance())}
    modelfile.write(path, header, {name: value.numpy() for name, value in network.state_dict().items()}, {})
    return path


def test_a_file_has_the_score_of_its_run_if_that_is_named_too(make_run: MakeRun, tmp_path: Path) -> None:
    dense, pruned = (trained(make_run(name, ratio=ratio)) for name, ratio in (("dense", 0), ("pruned", 0.9)))
    with_other_provenance(dense)
    copy = write(tmp_path / "copy.safetensors", pruned)
    first, second, third = read([dense.path, pruned.path, copy])
    assert [one.kind for one in (first, second, third)] == ["dense", "pruned", "pruned"]
    assert [one.name for one in (first, second, third)] == ["dense", "prospr 90\u00a0%", "copy.safetensors"]
    scores = pruned.read_scores()
    assert third.score == second.score
    assert second.score is not None
    assert second.score.value == scores.summary["iou_image_mean"]["native"]
    assert first.score is not None
    assert first.score.on == second.score.on, "the same images"
    assert _notes([first, second, third], first.score.on)[:-1] == []
    useless = replace(second, score=replace(second.score, nothing="it finds no cell"))
    assert _notes([first, useless], first.score.on)[0] == (
        "prospr 90\u00a0% learned nothing: it finds no cell. A difference from it means nothing."
    )
    (alone,) = read([copy])
    assert (alone.kind, alone.score) == (None, None)


def with_other_provenance(run: Folder) -> None:
    run.write_provenance(replace(run.read_provenance(), threads=7))
    write(run.file("model"), run)


def test_runs_on_other_images_are_told_apart(make_run: MakeRun) -> None:
    one, other = (trained(make_run(f"of {n}", n_images=n)) for n in (3, 4))
    first, second = read([one.path, other.path])
    assert first.score is not None
    assert second.score is not None
    assert first.score.on != second.score.on


def test_a_network_says_its_size_and_its_export_says_the_same(tmp_path: Path) -> None:
    network = network_of()
    model, exported = read([model_file(tmp_path / "m.safetensors", network), onnx_file(tmp_path / "m.onnx", network)])
    assert model.card.parameters == exported.card.parameters == sum(p.numel() for p in network.parameters())
    assert model.card.macs_per_pixel == exported.card.macs_per_pixel
    assert model.card.macs_per_pixel > 1000
    assert model.bytes == (tmp_path / "m.safetensors").stat().st_size


def test_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "model.safetensors" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        model_file(path, network_of())
    assert [one.name for one in read(paths)] == [f"model.safetensors ({path})" for path in paths]
    with pytest.raises(CellpruneError, match=r"model\.safetensors is named twice: name each network once"):
        read([paths[0], paths[0]])


def test_each_network_runs_in_every_engine_that_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "find_spec", lambda package: True)
    monkeypatch.setattr(networks, "_lower", lambda engine: ("bf16",) if engine == "openvino" else ())
    path = onnx_file(tmp_path / "8.onnx")
    path.write_bytes(with_header(path.read_bytes(), {**onnxfile.read_header(path), "precision": "int8"}))
    given = read([model_file(tmp_path / "m.safetensors", network_of()), onnx_file(tmp_path / "m.onnx"), path])
    made, notes = entries(given, tmp_path)
    fp32 = ["onnx fp32", "openvino fp32", "openvino bf16"]
    assert [f"{one.engine} {one.precision}" for one in made] == [
        "torch fp32",
        *fp32,
        *fp32,
        "onnx int8",
        "openvino int8",
    ]
    assert len({one.name for one in made}) == len(made)
    assert notes == []
    monkeypatch.setattr(networks, "find_spec", lambda package: None)
    with pytest.raises(CellpruneError, match="no engine that runs these networks is installed"):
        entries(given[1:], tmp_path)


def test_a_network_that_cannot_be_exported_runs_in_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise CellpruneError("m cannot be written as ONNX")

    monkeypatch.setattr(networks, "to_onnx", refuse)
    made, notes = entries(read([model_file(tmp_path / "m.safetensors", network_of())]), tmp_path)
    assert [one.engine for one in made] == ["torch"]
    assert notes == ["m cannot be written as ONNX"]
