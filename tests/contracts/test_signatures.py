"""How often signatures say nothing of what they take and give: mappings of anything, and anything at all.

A value that crosses a room's wall twice is a frozen type; a mapping of anything stays inside the file that reads it.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cellprune

PACKAGE = Path(cellprune.__file__).parent
MAPPINGS = {"dict[str, Any]", "Mapping[str, Any]"}
MOST_MAPPINGS, MOST_ANYTHING = 60, 30


def nodes(source: str) -> list[ast.AST]:
    """Give what a source consists of, walked once for all that is asked of it."""
    return list(ast.walk(ast.parse(source)))


def signatures(module: list[ast.AST]) -> Iterator[list[ast.expr]]:
    """Give the annotations of each function, public or private: of what it takes, and of what it gives."""
    for function in module:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            asked = function.args
            taken = [*asked.posonlyargs, *asked.args, *asked.kwonlyargs, asked.vararg, asked.kwarg]
            yield [note for note in (*(arg.annotation for arg in taken if arg), function.returns) if note]


def aliases(modules: dict[str, list[ast.AST]]) -> dict[str, set[str]]:
    """Give what each module calls a mapping of anything, by its own name or an imported one: it says no more."""
    own = {
        name: {
            target.id
            for node in module
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
            if ast.unparse(node.value) in MAPPINGS
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for name, module in modules.items()
    }
    imported = {
        name: {
            each.asname or each.name
            for node in module
            if isinstance(node, ast.ImportFrom)
            for each in node.names
            if each.name in own.get(node.module or "", ())
        }
        for name, module in modules.items()
    }
    return {name: own[name] | imported[name] for name in modules}


def unquoted(annotation: ast.expr) -> ast.expr:
    """Give what a quoted annotation says."""
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    return ast.parse(annotation.value, mode="eval").body if is_text else annotation


def is_mapping(annotation: ast.expr, others: set[str]) -> bool:
    """Whether an annotation, or a part of it, is a mapping of anything, by whatever name."""
    return any(
        node.id in others if isinstance(node, ast.Name) else ast.unparse(node) in MAPPINGS
        for node in ast.walk(annotation)
        if isinstance(node, ast.Subscript | ast.Name)
    )


def is_anything(annotation: ast.expr) -> bool:
    """Whether an annotation says nothing at all."""
    return isinstance(annotation, ast.Name) and annotation.id == "Any"


def test_few_signatures_pass_mappings_of_anything_or_anything_at_all() -> None:
    paths = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name: nodes(path.read_text(encoding="utf-8")) for name, path in sorted(paths.items())}
    others = aliases(modules)
    mappings, anything = Counter[str](), Counter[str]()
    for name, module in modules.items():
        room = name.split(".")[1]
        for annotations in signatures(module):
            notes = [unquoted(annotation) for annotation in annotations]
            mappings[room] += any(is_mapping(note, others[name]) for note in notes)
            anything[room] += any(map(is_anything, notes))
    assert mappings.total() <= MOST_MAPPINGS, f"{mappings.total()} signatures with a mapping of anything: {+mappings}"
    assert anything.total() <= MOST_ANYTHING, f"{anything.total()} signatures with a bare Any: {+anything}"


def test_what_says_nothing_is_counted() -> None:
    source = """
from typing import Any
Row = dict[str, Any]
class Kept:
    def plain(self, n: int) -> str: ...
    def mapping(self, rows: list[dict[str, Any]]) -> None: ...
def alias(row: "Row | None"): ...
async def anything(*values: Any, **options: object): ...
def _within(value: tuple[Any, ...]): ...
"""
    own, importer = nodes(source), nodes("from own import Row as Line, other")
    assert aliases({"own": own, "importer": importer}) == {"own": {"Row"}, "importer": {"Line"}}
    assert [is_mapping(ast.parse(note, mode="eval").body, {"Row"}) for note in ("list[Row]", "dict[str, int]")] == [
        True,
        False,
    ]
    assert [is_anything(ast.parse(note, mode="eval").body) for note in ("Any", "list[Any]")] == [True, False]
    found = [[ast.unparse(unquoted(note)) for note in notes] for notes in signatures(own)]
    assert found == [
        ["Row | None"],
        ["Any", "object"],
        ["tuple[Any, ...]"],
        ["int", "str"],
        ["list[dict[str, Any]]", "None"],
    ]
