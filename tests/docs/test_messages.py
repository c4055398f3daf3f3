"""The page of messages quotes only what the code can say, with the exit code that it has."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pages
import pytest

import cellprune
import napari_cellprune
from cellprune import errors

CHANGES = "…"
PAGE = (pages.DOCS / "reference/messages.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"\n\n`(.+)` \((\d)\)\n(?=: )", PAGE)


@pytest.mark.parametrize(("message", "code"), QUOTED)
def test_a_quoted_message_can_be_given(message, code):
    codes = {known for text, known in said().items() if message.rstrip(f" {CHANGES}") in text}  # it may go on
    assert codes, "the code has no such message (any more)"
    assert codes <= {None, int(code)}


def test_the_page_is_read_and_a_stale_message_would_be_seen():
    assert len(QUOTED) == PAGE.count("\n: ") > 30
    assert not [text for text in said() if "… holds a walk: go on with it" in text]
    assert {2} <= {known for text, known in said().items() if "… holds a run: go on with it" in text}


@cache
def said() -> dict[str, int | None]:
    """Give every sentence of ours, … where a part changes, with its exit code where it is raised as an error."""
    found, raised = dict[str, int | None](), dict[str, int | None]()
    for name, file in _modules():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found |= dict.fromkeys(_texts(node))
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                kind = eval(ast.unparse(node.exc.func), vars(errors) | _known_to(name))
                if isinstance(kind, type) and issubclass(kind, errors.CellpruneError):
                    raised |= {text: kind.exit_code for part in ast.walk(node.exc) for text in _texts(part)}
    return {text: code for text, code in (found | raised).items() if " " in text}


def _modules() -> Iterator[tuple[str, Path]]:
    """Give the name and the file of every module of the package and of the plug-in for napari."""
    for package in (cellprune, napari_cellprune):
        home = Path(package.__path__[0])
        for file in sorted(home.rglob("*.py")):
            parts = (package.__name__, *file.relative_to(home).with_suffix("").parts)
            yield ".".join(parts).removesuffix(".__init__"), file


def _known_to(name: str) -> dict[str, object]:
    """Give what a module knows; nothing of a widget where napari is not installed."""
    try:
        return vars(import_module(name))
    except ModuleNotFoundError:
        return {}


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("unknown", "named"):
        return [f"no {_text(node.args[0])} {CHANGES}"]
    return [_text(node)] if isinstance(node, ast.Constant | ast.JoinedStr) else []


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else CHANGES
