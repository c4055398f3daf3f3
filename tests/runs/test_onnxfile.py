"""An ONNX file's card is read without onnx, and believed in nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cellprune.errors import CellpruneError
from cellprune.runs import onnxfile


def file_of(path: Path, *metadata: tuple[str, str]) -> Path:
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["logits"])],
        "same",
        [helper.make_tensor_value_info("image", floats, ["n", 1, "h", "w"])],
        [helper.make_tensor_value_info("logits", floats, ["n", 1, "h", "w"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, dict(metadata))
    path.write_bytes(model.SerializeToString())
    return path


def test_the_header_comes_back(tmp_path: Path) -> None:
    header = {"classes": ["background", "µ"], "zoom": [0.5, 0.25]}
    path = file_of(tmp_path / "a.onnx", ("author", "someone"), onnxfile.metadata(header), ("more", "x" * 300))
    assert onnxfile.read_header(path) == header


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ([("author", "someone")], "carries no card of cellprune.*make it with 'cellprune export'"),
        ([("cellprune", "{")], "is damaged"),
        ([("cellprune", "[]")], "is damaged"),
        ([("cellprune", json.dumps({"version": 1, "header": []}))], "is damaged .its card is no card"),
        ([("cellprune", json.dumps({"version": 2, "header": {}}))], "has format version 2, .* up to 1: update"),
    ],
)
def test_a_card_that_is_none_is_refused(metadata: list[tuple[str, str]], said: str, tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match=said):
        onnxfile.read_header(file_of(tmp_path / "a.onnx", *metadata))


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    whole = file_of(tmp_path / "a.onnx", onnxfile.metadata({})).read_bytes()
    for content in (b"", b"hello, this is text", whole[:-20], whole[:9]):
        (tmp_path / "b.onnx").write_bytes(content)
        with pytest.raises(CellpruneError, match=r"b\.onnx (is damaged|carries no card)"):
            onnxfile.read_header(tmp_path / "b.onnx")
    with pytest.raises(CellpruneError, match="cannot be read"):
        onnxfile.read_header(tmp_path / "c.onnx")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_make_another_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(CellpruneError):
        onnxfile.read_header(tmp_path / "a.onnx")
