"""No function is longer than a page: what does more is several that have names."""

import ast
from pathlib import Path

import cellprune

PACKAGE = Path(cellprune.__file__).parent
LIMIT = 60  # lines without the docstring, which for a public function explains every argument


def lengths(source: str) -> dict[str, int]:
    """Give the lines of each function, from its `def` to its last line, but for its docstring."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_documented = ast.get_docstring(node, clean=False) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
            found[node.name] = max(found.get(node.name, 0), (node.end_lineno or 0) - node.lineno + 1 - docstring)
    return found


def test_no_function_is_longer_than_a_page() -> None:
    long = {
        f"{file.relative_to(PACKAGE).as_posix()} {name}"
        for file in PACKAGE.rglob("*.py")
        for name, length in lengths(file.read_text(encoding="utf-8")).items()
        if length > LIMIT
    }
    assert long == set(), "give its parts names of their own"


def test_lines_are_counted_without_the_docstring() -> None:
    assert lengths('def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    b = a\n\n    return b\n') == {"f": 6}
    assert lengths("class A:\n    async def g(self):\n        return 1\n") == {"g": 2}
