"""Two torch data sets that a user's own code gives: a set of images of classes, or one line that says why not."""

from pathlib import Path

import pytest

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.data.labelled.own import labelled_of
from cellprune.errors import CellpruneError

CODE = """
import torch
from torch.utils.data import TensorDataset


def noise():
    images = torch.randint(0, 256, (40, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return TensorDataset(images[:30], torch.arange(30) % 2), TensorDataset(images[30:], torch.arange(10) % 2)


def one():
    return noise()[0]


def floats():
    return [TensorDataset(torch.rand(4, 3, 8, 8), torch.arange(4))] * 2


class Broken:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise KeyError("no such file")


def broken():
    return Broken(), Broken()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def test_it_is_a_set_of_images_of_classes() -> None:
    dataset = labelled_of("mine.py:noise", None, None)
    assert (dataset.name, dataset.classes, dataset.n_train, dataset.size) == ("mine.py:noise", ("0", "1"), 30, (8, 8))


def test_a_run_on_it_is_known_by_code_and_content(here: Path) -> None:
    asked = ["task=classification", "data.dataset=mine.py:noise"]
    before = load(assignments=asked)
    split = experiment.split_of(before, runtime=Runtime())
    assert before.data.source_sha256 is not None
    assert "source_sha256" not in load(assignments=["task=classification"]).model_dump()["data"]
    assert before.identity()["data"]["source_sha256"] == before.data.source_sha256
    (here / "mine.py").write_text(CODE.replace("manual_seed(0)", "manual_seed(1)"), encoding="utf-8")
    after = load(assignments=asked)
    assert after.data.source_sha256 != before.data.source_sha256
    assert experiment.split_of(after, runtime=Runtime()) != split
    with pytest.raises(CellpruneError, match=r"mine.py has changed since mine.py:noise was used"):
        experiment.split_of(before, runtime=Runtime())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.py:one", r"'mine.py:one' gives TensorDataset: let it return two torch data sets, \(train, test\)"),
        ("mine.py:floats", r"train\[0\] is float32 \(8, 8, 3\), not an image of bytes"),
        ("mine.py:broken", r"'mine.py:broken' failed \(KeyError: 'no such file', line 24\): mend its code"),
    ],
)
def test_what_gives_no_images_of_classes_is_named(name: str, words: str) -> None:
    with pytest.raises(CellpruneError, match=words):
        labelled_of(name, None, None)
