"""How the program ends: pipes that close, full disks, Ctrl-C, limits of the system. A line at most, no traceback."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import typed

import cellprune.cli
from cellprune.cli import main as front

PROGRAM = [sys.executable, "-m", "cellprune"]
FULL = Path("/dev/full")  # every write to it finds the disk full
needs_full = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")


def ended(*words: str, **options: object) -> tuple[int, str]:
    done = subprocess.run([*PROGRAM, *words], stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
    return done.returncode, done.stderr


@pytest.mark.parametrize("more", [[], ["--help"]])
def test_the_module_is_the_program(more: list[str]) -> None:
    code, said = ended("trian", *more, stdout=subprocess.DEVNULL)
    assert code == 2
    assert said.startswith(
        'cellprune: Unknown command "trian". Did you mean "train"? Available commands: train, pretrain, '
    )
    assert said.count("\n") == 1


@needs_full
@pytest.mark.parametrize("words", [["--version"], ["train", "--help"]])
def test_output_that_cannot_be_written_is_one_line_and_code_1(words: list[str]) -> None:
    with FULL.open("w") as full:
        code, said = ended(*words, stdout=full)
    assert code == 1
    assert said == "cellprune: No space left on device: the output; what was complete stays\n"


@needs_full
def test_where_nobody_can_be_told_the_code_still_says_it() -> None:
    with FULL.open("w") as full:
        assert subprocess.run([*PROGRAM, "trian"], stderr=full).returncode == 2


@pytest.mark.parametrize("words", [["--version"], ["train", "--help"]])
def test_a_reader_that_went_away_ends_it_without_a_word(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert ended(*words, stdout=writing) == (141, "")
    os.close(writing)


def test_ctrl_c_while_libraries_are_loaded_is_one_line() -> None:
    code = (
        "import builtins, signal, time, os, cellprune.__main__ as program\n"
        "load = builtins.__import__\n"
        "def interrupted(name, *rest, **more):\n"
        "    if name == 'cellprune.cli.main': os.kill(os.getpid(), signal.SIGINT); time.sleep(9)\n"
        "    return load(name, *rest, **more)\n"
        "builtins.__import__ = interrupted\n"
        "program.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "cellprune: interrupted; nothing is half-written\n")


def test_nothing_that_takes_time_is_loaded_before_ctrl_c_is_heard() -> None:
    root = Path(cellprune.cli.__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import cellprune.__main__; print('typing' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["train"], "the last complete epoch is kept, go on with: cellprune train --resume"),
        (["search-max-ratio", "--dry-run"], "nothing is half-written"),
    ],
)
def test_whatever_error_follows_an_interrupt_is_taken_for_it(
    words: list[str], kept: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError("a library was being loaded")

    monkeypatch.setattr("cellprune.cli.train.load", broken)
    monkeypatch.setattr("cellprune.cli.search.merged", broken)
    with pytest.raises(SystemExit) as left:
        front.main(words, heard=[signal.SIGINT])
    assert left.value.code == 130
    assert capsys.readouterr().err == f"cellprune: interrupted; {kept}\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
    ids=lambda error: str(error)[:20] or "MemoryError",
)
def test_a_limit_of_the_system_is_told_in_a_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def limited(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cellprune.cli.train.load", limited)
    assert typed("train") == 1
    said = capsys.readouterr().err
    assert said.startswith("cellprune: the system gives no more memory or threads (")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["./a\n\x1b[31mb\u202e/", "./[red]x[/]/", "./\udcff/"])
def test_a_hostile_name_is_shown_escaped(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("train", "--dataset", name) == 2
    said = capsys.readouterr().err.splitlines(keepends=True)[-1]  # a line before it tells where loading takes long
    assert said.startswith("cellprune: ")
    assert said.strip().isprintable()


def test_the_environment_is_settled_before_any_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    monkeypatch.setenv("CELLPRUNE_DATE", "/data")
    assert typed("trian") == 2
    assert "ONEDNN_DEFAULT_FPMATH_MODE" not in os.environ
    ignored, stranger, refusal = capsys.readouterr().err.splitlines()
    assert "$ONEDNN_DEFAULT_FPMATH_MODE=BF16 is ignored" in ignored
    assert "no environment variable $CELLPRUNE_DATE:" in stranger
    assert refusal.startswith("cellprune: ")


def test_commands_print_through_the_terminal_alone() -> None:
    """A bare `print` would show names as they are; one JSON object, which escapes them, is the exception."""
    for file in Path(cellprune.cli.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "print" and file.name != "terminal.py":
                told = [ast.unparse(argument) for argument in call.args]
                assert not told or told[0].startswith("text.dumps("), f"{file.name}:{call.lineno}: print({told})"
