"""No two files of the package need each other: each can be read, and tested, with those that it imports."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cellprune

PACKAGE = Path(cellprune.__file__).parent


def imports(sources: dict[str, str]) -> dict[str, set[str]]:
    """Give for each module the modules that its import statements name.

    Every statement counts, wherever it stands: under TYPE_CHECKING or in a function a circle only runs, and two files
    still cannot be understood one without the other. That importing a module also runs the `__init__` of the rooms
    around it does not count: those hold names, and load what they name on first use.
    """
    edges = {}
    for module, source in sources.items():
        named = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module} imports relatively, which hides the room"
                inner = (f"{node.module}.{alias.name}" for alias in node.names)
                named |= {name if name in sources else str(node.module) for name in inner}
        edges[module] = (named & sources.keys()) - {module}
    return edges


def circle(sources: dict[str, str]) -> list[str]:
    """Name the modules of one circle of imports, empty where there is none."""
    try:
        TopologicalSorter(imports(sources)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_package_has_no_circle() -> None:
    files = {".".join((PACKAGE.name, *file.relative_to(PACKAGE).with_suffix("").parts)): file
             for file in PACKAGE.rglob("*.py")}  # fmt: skip
    sources = {name.removesuffix(".__init__"): file.read_text(encoding="utf-8") for name, file in files.items()}
    assert len(sources) > 200
    assert circle(sources) == []


@pytest.mark.parametrize(
    "back",
    [
        "from house.a import f",
        "from house import a",
        "import house.a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.a import f",
        "def g():\n    from house.a import f",
    ],
)
def test_a_circle_is_seen_however_it_is_closed(back: str) -> None:
    there = {"house": "", "house.a": "from house import b\nfrom house.c import x", "house.c": ""}
    assert set(circle({**there, "house.b": back})) == {"house.a", "house.b"}
    assert circle({**there, "house.b": "from house import c\nfrom house import something"}) == []
