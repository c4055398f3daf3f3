"""The examples in docstrings run, and show what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import cellprune
from cellprune.models.architecture import Architecture
from cellprune.runs import modelfile

ROOT = Path(cellprune.__file__).parents[1]
WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in sorted(Path(cellprune.__file__).parent.rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]

TRAINS = "cellprune.experiment.story"  # some seconds


@pytest.fixture
def working_folder(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that examples run in: it has a trained network in `runs/cells`, and data sets are found from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLPRUNE_DATA", str(data_root))
    unet = Architecture("unet", {"width": 2, "depth": 1}, in_channels=1, classes=2)
    weights = {name: value.numpy() for name, value in unet.build().state_dict().items()}
    header = {"architecture": unet.as_dict(), "classes": ["background", "cell"], "zoom": [1.0, 1.0]}
    (tmp_path / "runs/cells").mkdir(parents=True)
    modelfile.write(tmp_path / "runs/cells/model.safetensors", header, weights, {})
    return tmp_path


@pytest.mark.usefixtures("working_folder")
@pytest.mark.parametrize(
    "module", [pytest.param(name, marks=pytest.mark.slow) if name == TRAINS else name for name in WITH_EXAMPLES]
)
def test_examples_run(module: str) -> None:
    done = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted
    assert not done.failed


@pytest.mark.parametrize("name", ["prune", "scores", "hold", "save_masks", "Request", "run", "load", "predict"])
def test_a_public_name_shows_how_it_is_used(name: str) -> None:
    assert ">>> " in getattr(cellprune, name).__doc__
