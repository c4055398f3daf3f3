"""What napari is told of the plug-in is true, and what needs no window needs no napari."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import napari_cellprune

PACKAGE = Path(napari_cellprune.__file__).parent
DISTRIBUTION = PACKAGE.parents[1]
WITH_WINDOWS = {"widgets", "work"}


def test_every_command_is_there_and_is_contributed() -> None:
    manifest = yaml.safe_load((PACKAGE / "napari.yaml").read_text())
    project = tomllib.loads((DISTRIBUTION / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["napari.manifest"] == {manifest["name"]: "napari_cellprune:napari.yaml"}
    offered = manifest["contributions"]
    commands = {command["id"]: command["python_name"] for command in offered["commands"]}
    assert {row["command"] for kind in ("readers", "widgets") for row in offered[kind]} == commands.keys()
    for home in commands.values():
        module, name = home.split(":")
        tree = ast.parse((PACKAGE / f"{module.removeprefix('napari_cellprune.')}.py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_napari_takes_the_manifest() -> None:
    npe2 = pytest.importorskip("npe2")
    assert npe2.PluginManifest.from_file(PACKAGE / "napari.yaml").display_name == "cellprune"


def test_all_but_the_widgets_work_without_napari_and_torch() -> None:
    names = sorted(file.stem for file in PACKAGE.glob("*.py") if file.stem not in WITH_WINDOWS)
    assert {"reader", "predicting", "agreement"} <= set(names)
    code = "import sys\nfor name in ('napari', 'npe2', 'qtpy', 'magicgui', 'torch'):\n    sys.modules[name] = None\n"
    code += f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n" + "\n".join(f"import napari_cellprune.{n}" for n in names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_of_one_licence_with_cellprune() -> None:
    assert (DISTRIBUTION / "LICENSE").read_bytes() == (DISTRIBUTION.parents[1] / "LICENSE").read_bytes()
