"""No test asserts nothing: one that cannot fail protects nothing and hides that nothing is protected."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
_CHECKS = {"assert", "raises", "warns", "fail"}  # the last three of pytest


def mentions(source: str) -> Iterator[tuple[str, set[str]]]:
    """Give each function's name and all names within it; an assertion has the name "assert"."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes = list(ast.walk(function))
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            yield function.name, names | {"assert" for node in nodes if isinstance(node, ast.Assert)}


def without_assertion(sources: Iterable[str]) -> set[str]:
    """Give the names of the tests that assert nothing, neither themselves nor through what they call."""
    functions = [function for source in sources for function in mentions(source)]
    checking = _CHECKS | {name for _, names in functions for name in names if name.startswith("assert_")}
    while more := {n for n, names in functions if not n.startswith("test_") and names & checking} - checking:
        checking |= more
    return {name for name, names in functions if name.startswith("test_") and not names & checking}


def test_every_test_asserts_something() -> None:
    sources = [file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py")]
    assert without_assertion(sources) == set(), "assert what comes of the call, or remove the test"


def test_a_test_without_assertion_is_seen() -> None:
    silent = "def test_a():\n    compute()\n\ndef compute():\n    return 1\n"
    assert without_assertion([silent]) == {"test_a"}


def test_an_assertion_is_found_wherever_it_stands() -> None:
    spoken = [
        "def test_a():\n    assert True",
        "def test_b():\n    with pytest.raises(ValueError):\n        f()",
        "def test_c():\n    np.testing.assert_array_equal(1, 1)",
        "def test_d():\n    outer()",
        "def outer():\n    inner()\n\ndef inner():\n    assert f()",
        "def test_e():\n    spawn(helpers.outer)",
    ]
    assert without_assertion(spoken) == set()
    assert without_assertion(spoken[3:4]) == {"test_d"}
