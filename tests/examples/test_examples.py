"""The examples run as they stand, where their library is installed, and their masks hold."""

import importlib.util
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
NEEDS = {"lightning_loop": "lightning", "hugging_face_trainer": "transformers"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # what a trainer warns of while it trains is its own
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_its_pruned_weights_stay_zero(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = NEEDS.get(path.stem)
    if library and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    ran = runpy.run_path(str(path), run_name="__main__")
    parameters = dict(ran["model"].named_parameters())
    for name, mask in ran["masks"].items():
        assert not parameters[name][~mask].any(), name
    kept = sum(int(mask.sum()) for mask in ran["masks"].values())
    moved = sum(int((parameters[name] != 0).sum()) for name in ran["masks"])
    assert moved == kept, "every kept weight is there"


def test_an_example_is_short() -> None:
    assert len(EXAMPLES) == 4
    for path in EXAMPLES:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        assert len(lines) <= 32, f"{path.name} has {len(lines)} lines"
