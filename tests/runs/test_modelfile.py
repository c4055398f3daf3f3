"""The model file: small, exact, and refused with one clear line when it is not what it says."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cellprune.runs import container, modelfile
from cellprune.runs.container import UnreadableFileError

HEADER = {"architecture": {"name": "unet", "width": 4}, "pixel_size_um": [0.65, 0.5], "classes": ["background", "cell"]}


def write_model(path: Path, *, n: int = 200, ratio: float = 0.97) -> tuple[dict, dict]:
    rng = np.random.default_rng(0)
    weights = {
        "up.weight": rng.standard_normal((n, n), dtype=np.float32),
        "norm.weight": rng.standard_normal(7, dtype=np.float32),
        "norm.count": np.array(3),
    }
    masks = {"up.weight": rng.random((n, n)) >= ratio}
    modelfile.write(path, HEADER, weights, masks)
    return weights, masks


def test_a_model_comes_back_bit_for_bit(tmp_path: Path) -> None:
    weights, masks = write_model(tmp_path / "model.safetensors")
    header, read, read_masks = modelfile.read(tmp_path / "model.safetensors")
    assert header == {**HEADER, "format_version": 1}
    assert read.keys() == weights.keys()
    assert read["norm.count"].shape == ()
    for name in ("norm.weight", "norm.count"):
        assert read[name].dtype == weights[name].dtype
        assert read[name].tobytes() == weights[name].tobytes()
    mask = masks["up.weight"]
    assert np.array_equal(read_masks["up.weight"], mask)
    assert read["up.weight"][mask].tobytes() == weights["up.weight"][mask].tobytes()
    assert not read["up.weight"][~mask].view(np.uint32).any(), "pruned values are +0.0"


def test_a_97_percent_pruned_model_takes_at_most_4_5_percent_of_the_dense_file(tmp_path: Path) -> None:
    weights, _ = write_model(tmp_path / "packed.safetensors", n=1000)
    save_file(weights, tmp_path / "dense.safetensors")
    packed, dense = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("packed", "dense"))
    assert packed <= 0.045 * dense


def test_a_smaller_network_keeps_its_masks(tmp_path: Path) -> None:
    weights, masks = {"w": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), "b": np.ones(2)}, {"w": np.eye(2) > 0}
    header = {"architecture": {"name": "unet", "kept": "some"}}
    modelfile.write(tmp_path / "model", header, weights, masks)
    read = modelfile.read(tmp_path / "model")
    assert read.header == {**header, "format_version": 2}
    assert read.weights["w"].tolist() == [[1, 0], [0, 4]]
    assert read.weights["b"].tolist() == [1, 1]
    assert read.masks["w"].tolist() == masks["w"].tolist()


def test_a_dense_model_has_no_masks(tmp_path: Path) -> None:
    modelfile.write(tmp_path / "model", HEADER, {"w": np.ones(3, np.float32)}, {})
    _, weights, masks = modelfile.read(tmp_path / "model")
    assert masks == {}
    assert weights["w"].tolist() == [1, 1, 1]


def test_equal_models_give_equal_bytes_whatever_the_order(tmp_path: Path) -> None:
    a, b = np.ones(3), np.zeros((2, 2))
    modelfile.write(tmp_path / "one", {"x": 1, "y": 2}, {"a": a, "b": b}, {})
    modelfile.write(tmp_path / "two", {"y": 2, "x": 1}, {"b": b, "a": a}, {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_weights_that_lie_across_memory_are_written_in_their_own_order(tmp_path: Path) -> None:
    across = np.arange(6.0).reshape(2, 3).T
    modelfile.write(tmp_path / "model", {}, {"w": across}, {})
    assert np.array_equal(modelfile.read(tmp_path / "model")[1]["w"], across)


def test_a_header_with_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        modelfile.write(tmp_path / "model", {"pixel_size_um": float("nan")}, {}, {})
    assert not list(tmp_path.iterdir())


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    container.write(tmp_path / "model", {}, kind="model", version=modelfile.FORMAT_VERSION + 1, note={"masks": {}})
    with pytest.raises(UnreadableFileError, match=r"model has format version 3, .* up to 2: update cellprune"):
        modelfile.read(tmp_path / "model")


def torch_checkpoint() -> bytes:
    """What torch.save makes: a zip around a pickle."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"weight": 1}))
    return data.getvalue()


def safetensors_header(header: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header


NOT_A_MODEL = {
    "empty": (b"", "is empty or cut off"),
    "five bytes": (b"12345", "is empty or cut off"),
    "text": (b"import this is a readme file", "is no model file, or is damaged"),
    "pickle": (pickle.dumps({"weight": [1.0] * 9}), "is a pickle .* can run any code"),
    "torch checkpoint": (torch_checkpoint(), "is a pickle .* can run any code"),
    "header of four GB": (safetensors_header(b"{}", 2**32), "is no model file, or is damaged"),
    "header longer than the file": (safetensors_header(b"{}", 100), "is no model file, or is damaged"),
    "header longer than allowed": (
        safetensors_header(b"{" + b" " * container.HEADER_LIMIT_BYTES + b"}"),
        "is no model file, or is damaged",
    ),
    "header of noise": (safetensors_header(b"{{{{{{{{"), "is damaged"),
    "header that is no text": (safetensors_header(b"\xff\xfe{}"), "is damaged"),
    "header nested": (safetensors_header(b'{"a":' + b"[" * 10_000), "is damaged"),
    "data out of the file": (
        safetensors_header(b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
        "is damaged",
    ),
    "no note": (safetensors_header(b"{}"), "was not written by cellprune"),
}


@pytest.mark.parametrize("case", NOT_A_MODEL)
def test_a_file_that_is_no_model_is_refused_by_name(case: str, tmp_path: Path) -> None:
    data, said = NOT_A_MODEL[case]
    path = tmp_path / "some model.safetensors"
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match=said) as refusal:
        modelfile.read(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


NOTES = {
    "no JSON": ("{", "is damaged"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "a list": ("[]", "names no kind"),
    "no kind": ('{"version": 1}', "names no kind"),
    "version as text": ('{"kind": "model", "version": "1"}', "names no kind and version"),
    "version true": ('{"kind": "model", "version": true}', "names no kind and version"),
    "masks file": ('{"kind": "masks", "version": 1}', "is a 'masks' file: give a model file"),
    "no header": ('{"kind": "model", "version": 1, "masks": {}}', "no header"),
    "header as list": ('{"kind": "model", "version": 1, "masks": {}, "header": []}', "no header"),
    "no masks": ('{"kind": "model", "version": 1, "header": {}}', "no lists of sizes"),
}


@pytest.mark.parametrize("case", NOTES)
def test_a_note_that_is_wrong_is_refused(case: str, tmp_path: Path) -> None:
    text, said = NOTES[case]
    save_file({"dense:w": np.zeros(2)}, tmp_path / "model", metadata={"cellprune": text})
    with pytest.raises(UnreadableFileError, match=said):
        modelfile.read(tmp_path / "model")


def test_a_type_of_number_that_numpy_lacks_is_refused(tmp_path: Path) -> None:
    note = json.dumps({"cellprune": json.dumps({"kind": "model", "version": 1, "header": {}, "masks": {}})})
    header = f'{{"__metadata__":{note},"dense:w":{{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}}}'.encode()
    (tmp_path / "model").write_bytes(safetensors_header(header) + b"\0\0")
    with pytest.raises(UnreadableFileError, match="is damaged"):
        modelfile.read(tmp_path / "model")


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", n=20)
    whole = (tmp_path / "model").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "model").write_bytes(whole[:length])
        with pytest.raises(UnreadableFileError):
            modelfile.read(tmp_path / "model")


def test_a_flipped_byte_gives_a_refusal_or_a_model_of_the_same_shapes(tmp_path: Path) -> None:
    weights, _ = write_model(tmp_path / "model", n=20)
    whole = (tmp_path / "model").read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(len(whole), 300, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "model").write_bytes(bytes(damaged))
        try:
            _, read, _ = modelfile.read(tmp_path / "model")
        except UnreadableFileError:
            continue
        assert {w.shape for w in read.values()} == {w.shape for w in weights.values()}


def test_a_pipe_or_a_device_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(container.UnreadableFileError, match="a pipe or a device"):
            modelfile.read(path)


@pytest.mark.parametrize("name", ["absent", "."])
def test_no_file_is_said_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        modelfile.read(tmp_path / name)
