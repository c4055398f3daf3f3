"""Text from outside: nothing in it breaks a line, steers a terminal, or goes on for ever."""

import pickle

import pytest

from cellprune.errors import CellpruneError, WorkError, unknown
from cellprune.wording import MESSAGE_LIMIT, VALUE_LIMIT, printable, quoted, reason, shortened, spoken

HOSTILE = "a\n\x1b[31mb\u202ec\udcff\x00\u2028d"


def repr_of(value: object) -> str:
    return type(value).__name__


def test_a_name_is_shown_escaped() -> None:
    assert printable(HOSTILE) == "a\\n\\x1b[31mb\\u202ec\\udcff\\x00\\u2028d"
    assert printable("Zelle µ 細胞 [bold]") == "Zelle µ 細胞 [bold]"


def test_a_space_that_does_not_break_is_spoken_as_a_space_and_kept_in_names() -> None:
    assert spoken("50\u00a0% removed\u202f") == "50 % removed\\u202f"
    assert str(CellpruneError("50\u00a0% removed: give another")) == "50 % removed: give another"
    assert printable("a\u00a0b.tif") == "a\\xa0b.tif"


def test_a_long_text_keeps_its_ends() -> None:
    assert shortened("a" * 10) == "a" * 10
    cut = shortened("begin" + "x" * 10**6 + "end")
    assert len(cut) <= MESSAGE_LIMIT
    assert cut.startswith("begin")
    assert cut.endswith("end")


LARGE = ["x" * 10**6, b"y" * 10**6, list(range(10**6)), 10**9999, {"a": [[[["b"]]]]}, (HOSTILE,)]


@pytest.mark.parametrize("value", LARGE, ids=repr_of)
def test_a_value_is_quoted_shortly(value: object) -> None:
    assert len(quoted(value)) <= VALUE_LIMIT + 10
    assert quoted(value).isprintable()


@pytest.mark.parametrize("kind", [CellpruneError, WorkError])
def test_an_error_is_one_short_line_whatever_it_names(kind: type[CellpruneError]) -> None:
    message = str(kind(f"{HOSTILE} is missing: copy it again"))
    assert message.isprintable()
    assert message.endswith("is missing: copy it again")
    assert len(str(kind("a" * 10**6))) <= MESSAGE_LIMIT
    assert str(pickle.loads(pickle.dumps(kind(message)))) == message, "as workers send it"


def test_only_the_names_that_would_do_stand_on_a_second_line() -> None:
    first, second = str(CellpruneError(unknown("data set", HOSTILE, ["one", "two"]))).split("\n")
    assert first.isprintable()
    assert second == "Known: one, two."
    many = str(CellpruneError(unknown("encoder", "x" * 10**6, [f"name{n}" for n in range(10**4)])))
    assert len(many) < 2 * MESSAGE_LIMIT
    assert many.endswith("and 9,960 more.")


def test_a_library_is_quoted_on_one_line() -> None:
    assert reason(ValueError("first\n  second\n" + "x" * 10**6)).startswith("first second x")
    assert len(reason(ValueError("x" * 10**6))) <= 2 * VALUE_LIMIT
    assert reason(EOFError()) == "EOFError"
