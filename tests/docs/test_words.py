"""The page for contributors names what is there: each word's home, each room in its order, and every path."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest

import cellprune
from cellprune.config.load import keys
from cellprune.config.schema import Settings

PACKAGE = Path(cellprune.__file__).parent
ROOT = pages.DOCS.parent
CONTRIBUTING = (pages.DOCS / "contributing.md").read_text(encoding="utf-8")
WORDS = re.findall(r"^\| ([^|]+?) \| [^|]+ \| (`[^|]+`) \|$", CONTRIBUTING, re.M)
INVENTED = {
    "cellprune/pruning/methods/gradient.py", "cellprune/models/shallow.py", "cellprune/evaluation/dice.py",
    "cellprune/cli/methods.py", "configs/NAME.yaml",
}  # fmt: skip  # shown as examples


@pytest.mark.parametrize(("word", "homes"), WORDS)
def test_a_word_has_its_home_where_the_table_says(word: str, homes: str) -> None:
    for home in re.findall(r"`([^`]+)`", homes):
        path, _, name = home.partition(":")
        assert (PACKAGE / path).is_file(), f"{word}: there is no {path}"
        assert not name or name in {defined for defined, _ in _defined(PACKAGE / path)}, f"{word}: {path} has no {name}"


def test_nothing_is_called_by_a_word_without_meaning() -> None:
    (sentence,) = re.findall(r"^No class, function or constant is named (.+?): ", CONTRIBUTING, re.M)
    free = set(re.findall(r"`(\w+)`", sentence))
    assert len(WORDS) > 20
    assert free
    taken = [
        f"{file.relative_to(PACKAGE)}:{line}: {name}"
        for file in PACKAGE.rglob("*.py")
        for name, line in _defined(file)
        if name in free
    ]
    assert taken == []


def test_the_rooms_stand_in_the_order_of_their_imports() -> None:
    """As import-linter checks it; below the first room stand the errors, above the last one nothing."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [sorted(layer.split(" | ")) for layer in reversed(layers) if layer not in ("errors", "wording")]
    house = CONTRIBUTING.split("| room | decides |")[1].split("\n\n")[0]
    told = [sorted(re.findall(r"`(\w+)/`", row.split("|")[1])) for row in house.splitlines() if "`" in row]
    assert told == rooms


@pytest.mark.parametrize("page", [*pages.PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_a_path_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"\b(?:cellprune|tests|benchmarks|examples|configs)/[\w/]+\.(?:py|csv|yaml)\b", page.read_text())
    assert [path for path in named if path not in INVENTED and not (ROOT / path).exists()] == []


def test_a_module_that_the_code_names_is_there() -> None:
    """A module moves, and the docstrings that name it stay behind, unless somebody looks."""
    rooms, settings = {entry.name for entry in PACKAGE.iterdir() if entry.is_dir()}, set(keys(Settings))
    lost = [
        f"{file.relative_to(PACKAGE)}: {name}"
        for file in PACKAGE.rglob("*.py")
        for name in re.findall(r"`(?:cellprune\.)?((?:[a-z_]+\.)+(?!yaml|json)\w+)`", file.read_text(encoding="utf-8"))
        if name.split(".")[0] in rooms and name not in settings and not _is_there(name.split("."))
    ]
    assert lost == []


def _is_there(names: list[str]) -> bool:
    """Tell whether a dotted name leads to a module, or to a word that stands in one."""
    for n in range(len(names), 0, -1):
        path, word = PACKAGE.joinpath(*names[:n]), names[n : n + 1]
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if file.is_file():
            return not word or bool(re.search(rf"\b{word[0]}\b", file.read_text(encoding="utf-8")))
    return False


def _defined(file: Path) -> Iterator[tuple[str, int]]:
    """Give every class, function, method and constant that a file defines, with its line."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    yield from ((node.name, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef))
    constants = (
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    yield from ((target.id, target.lineno) for target in constants if isinstance(target, ast.Name))
