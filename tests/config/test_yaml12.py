"""YAML 1.2: what each value is, what is refused with its line, and that nothing grows beyond its file."""

import time

import pytest
import yaml

from cellprune.config import yaml12
from cellprune.config.yaml12 import YamlError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("On", "On"),
        ("TRUE", True),
        ("false", False),
        ("~", None),
        ("5e-4", 0.0005),
        ("1.", 1.0),
        ("-.INF", float("-inf")),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2001-01-01", "2001-01-01"),
        ("'010'", "010"),
        ("=", "="),
    ],
)
def test_a_value_is_what_version_1_2_says(text: str, value: object) -> None:
    found = yaml12.read(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_and_nothing_is_none() -> None:
    assert yaml12.read("1: a\ntrue: b\nnull: c\n") == {"1": "a", "true": "b", "null": "c"}
    assert yaml12.read("") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n\na: 2\n", "line 3: the key 'a' stands there again, first in line 1"),
        ("a: {b: 1, b: 2}", "line 1: the key 'b'"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "line 3: the merge key"),
        ("seed: !!int '3'", "line 1: the tag"),
        ("a: 1\nx: !!python/object:os.system {}", "line 2: the tag"),
        ("a: 1\n---\nb: 2\n", "line 2: expected a single document"),
        ("? [a]\n: 1", "line 1: a key is no text"),
        ("a: &a [1, *a]", "line 1: an alias that stands within its own anchor"),
        ("a: *nowhere", "undefined alias"),
        ("a: [1", "line 1: "),
        ("a: " + "9" * 5000, "a number of 5,000 characters"),
        ("a: 0x" + "f" * 5000, "a number of 5,002 characters"),
        ("a: " + "[" * 300_000, "more than 50 deep"),
        ("\n".join("  " * n + "a:" for n in range(3000)), "more than 50 deep"),
        ("a: \x07", "special characters"),
        ('a: "\\UFFFFFFFF"', "too large"),
    ],
)
def test_what_would_be_lost_or_has_no_end_is_refused_with_its_line(text: str, said: str) -> None:
    began = time.process_time()
    with pytest.raises(YamlError, match=said) as refusal:
        yaml12.read(text)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
    assert time.process_time() - began < 5


def test_an_alias_stands_for_its_anchor_as_long_as_the_file_could_hold_it() -> None:
    assert yaml12.read("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'] * 9)}]\n" for n in range(30))
    with pytest.raises(YamlError, match="aliases make more than 10,000 values"):
        yaml12.read(bomb)


def test_what_is_written_is_the_same_in_both_versions() -> None:
    odd = [
        "08",
        "010",
        "5e-4",
        "1e3",
        "0o7",
        "yes",
        "1:30",
        ".5",
        "+1",
        "~",
        "",
        "2001-01-01",
        "=",
        "<<",
        "a\x1b\u202e",
    ]
    content = {"text": odd, "numbers": [1e-5, 5e-4, 1e22, 0.1, 3, True, None], "08": 1}
    written = yaml12.write(content)
    assert yaml12.read(written) == content
    assert yaml.safe_load(written) == content


def test_text_that_older_versions_left_bare_stays_text_in_our_own_files() -> None:
    old = yaml.safe_dump({"sequence": "08", "name": "1e5", "frame": 8, "share": 1e-5})
    assert yaml12.read(old)["sequence"] == 8, "as version 1.2 has it"
    assert yaml12.read(old, keeps_1_1_text=True) == {"sequence": "08", "name": "1e5", "frame": 8, "share": 1e-5}
