"""The house as planned: who may import whom, and what `import cellprune` costs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_import_contracts_hold() -> None:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_public_names_load_on_first_use_and_pruning_without_the_rest() -> None:
    code = (
        "import sys, cellprune; print('torch' in sys.modules); cellprune.prune, cellprune.hold\n"
        "print('torch' in sys.modules)\n"
        "print([n for n in sys.modules if n.startswith(('monai', 'cellprune.data', 'cellprune.runs', 'pydantic'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "[]"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    import cellprune

    with pytest.raises(AttributeError, match="prun"):
        cellprune.prunee  # noqa: B018


def test_no_workplace_is_named() -> None:
    """Nothing in the project names a machine's paths or a registry's host."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone")
    for name in listed.stdout.split():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        for word in ("/work" + "/", "pypi" + ".org", "/opt" + "/"):
            assert word not in text, f"{name} names {word}"
