"""FILE.py:NAME: what is one, what it gives, and what is said of files that give nothing."""

from pathlib import Path

import pytest

from cellprune.config import names, own
from cellprune.config.load import load
from cellprune.config.resolve import ConfigError
from cellprune.errors import CellpruneError

CODE = "from dataclasses import dataclass\n\n@dataclass\nclass A:\n    n: 'int' = 0\n\ndef mine(): ...\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/my.py").write_text(CODE, encoding="utf-8")
    return Path("here/my.py")


@pytest.mark.parametrize(
    "name", ["my.py", "my.txt:mine", "my.py:", "my.py:1", "my.py:a.b", "smp:unet/resnet18", 3, None]
)
def test_other_names_are_none(name: object) -> None:
    assert not own.is_own(name)


def test_a_name_gives_what_the_file_calls_so_and_runs_it_once(file: Path) -> None:
    name = f"{file}:mine"
    assert own.read("pruning method", name) is own.read("pruning method", name)
    assert names.resolve("pruning method", name) is own.read("pruning method", name)
    assert own.read("model", f"{file}:A")().n == 0  # type: ignore[operator]
    assert own.short(name) == "my.py:mine"
    assert own.short("snip") == "snip"


def test_another_content_has_another_hash_and_is_run_anew(file: Path) -> None:
    name = f"{file}:mine"
    before, content = own.read("pruning method", name), own.sha256(name)
    file.write_text(CODE + "\n", encoding="utf-8")
    assert own.sha256(name) != content
    assert own.read("pruning method", name) is not before


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        (None, "my.py:mine", "no file 'my.py' in .*: give FILE.py:NAME with the path from here"),
        (None, "here.py:mine", "here.py cannot be read as Python .*directory"),
        (b"\xff", "here/my.py:mine", "here/my.py cannot be read as Python"),
        (b"def mine(:", "here/my.py:mine", r"my.py cannot be run \(SyntaxError: .*line 1\)\): mend it"),
        (b"a = 1\n\nimport nothing_like_it", "here/my.py:mine", r"No module named .*, line 3\): mend it"),
        (b"raise SystemExit(3)", "here/my.py:mine", r"cannot be run \(SystemExit: 3, line 1\)"),
        (CODE.encode(), "here/my.py:mind", r"no pruning method 'mind' \(in here/my.py\).\nDid you mean 'mine'"),
    ],
)
def test_what_gives_nothing_is_said_in_one_line(file: Path, text: bytes | None, asked: str, words: str) -> None:
    Path("here.py").mkdir()
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(CellpruneError, match=words):
        own.read("pruning method", asked)


def test_settings_hold_the_name_and_the_content(file: Path) -> None:
    asked = [f"pruning.method={file}:mine", "pruning.ratio=0.5"]
    first = load(assignments=asked)
    assert first.pruning.label == "my.py:mine"
    assert first.model_dump()["pruning"] == {
        "method": "here/my.py:mine", "method_sha256": own.sha256("here/my.py:mine"), "ratio": 0.5, "scope": "global",
        "exclude": (), "batch_size": 8,
    }  # fmt: skip
    file.write_text(CODE + "\n", encoding="utf-8")
    assert load(assignments=asked).pruning.method_sha256 != first.pruning.method_sha256
    assert "method_sha256" not in load(assignments=["pruning.method=snip", "pruning.ratio=0.5"]).model_dump()["pruning"]


def test_a_file_alone_and_other_kinds_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"'here/my.py' is a file: name what it gives, too, as here/my.py:NAME"):
        load(assignments=[f"pruning.method={file}"])
    with pytest.raises(ConfigError, match=r"no target 'here/my.py:mine'"):
        load(assignments=[f"data.target={file}:mine"])
