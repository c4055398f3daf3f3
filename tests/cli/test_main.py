"""The front door: what it imports, what it says to a wrong word, and that every command in print can be parsed."""

import re
import resource
import shlex
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from cellprune.cli.main import app, main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md"]  # those of docs/ are tested by tests/docs
HEAVY = ("torch", "monai", "scipy", "skimage", "albumentations", "matplotlib")


def commands() -> list[str]:
    """Every `cellprune ...` line of a code block."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^ *```[a-z]*\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.S | re.M):
            text = re.sub(r"\\\n\s*", " ", block)
            for line in re.split(r"\n|&&", text):
                if re.match(r"\s*(\$ )?(\S*/)?cellprune ", line):
                    found.append(line.strip().removeprefix("$ "))
    return found


def test_help_needs_no_heavy_library_and_under_a_second() -> None:
    code = (
        "import sys, cellprune.cli.main as m\n"
        "try: m.main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        f"print([n for n in {HEAVY} if n in sys.modules])"
    )
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert answer.stdout.strip().endswith("[]")
    assert "--prune" in answer.stdout
    assert min(seconds) < 1, "processor time, the best of three: other tests run beside this one"


@pytest.mark.parametrize("command", commands())
def test_every_printed_command_parses(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    function, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert function.__module__.startswith("cellprune.cli.")


def test_the_readme_has_its_two_commands() -> None:
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", PAGES[0].read_text(encoding="utf-8"), re.S | re.M)
    assert ".venv/bin/cellprune train" in blocks[0]
    assert ".venv/bin/pytest" in blocks[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], 'Did you mean "train"?'),
        (["train", "--pruen", "0.9"], "Did you mean --prune?"),
        (["train", "--prune", "97"], "did you mean 0.97?"),
        (["train", "--prune", "1.0"], "outside 0 <= ratio < 1"),
        (["train", "--method", "prosper"], "Did you mean 'prospr'"),
        (["train", "--model", "unett"], "Did you mean 'unet'?"),
        (["train", "--set", "pruning.inner_stpes=3"], "did you mean 'pruning.inner_steps'?"),
        (["train", "--epochs", "0"], "greater than or equal to 1"),
        (["train", "--epochs", "many"], "integer"),
        (["train", "--dataset", "PhC-C2DH-U737"], "Did you mean 'PhC-C2DH-U373'"),
        (["train", "--dataset", "./nowhere"], "nowhere"),
        (["train", "--config", "absent.yaml"], "no configuration file"),
        (["train", "--precision", "fp8"], "fp8"),
        (["data", "fetch", "PhC-C2DH-U37"], "Did you mean 'PhC-C2DH-U373'"),
        (["data", "fetch", "Fluo-N3DH-CE"], "3-D sets"),
        (["train", "--dataset", "Fluo-C3DH-A549"], "3-D sets"),
        (["evaluate", "nowhere"], "there is no nowhere: give the folder of a finished run"),
        (["train", "--data.size", "64"], "--data.size takes 2 values, and has 1: height and width, px"),
        (["predict", "a", "b", "--pixel-size", "3"], "--pixel-size takes 2 values, and has 1: cellprune predict"),
        (["train", "--epochs"], "--epochs takes a value, and has none: passes over the training part"),
        (["train", "--epochs", "1", "--epochs", "0"], "--epochs is given twice: give it once"),
        (["evaluate", "x", "--part", "select"], "no choice 'select' (in --part).\nKnown: all, report, train."),
    ],
)
def test_a_wrong_word_is_answered_in_a_line_or_two(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLPRUNE_DATA", str(tmp_path / "data"))
    assert typed(*words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    told = [line for line in err.splitlines() if not line.startswith("loading ")]  # as beside other work
    assert 1 <= len(told) <= 2
    assert list(tmp_path.iterdir()) == [], "a refusal writes nothing"


def test_missing_data_are_told_the_ways_to_get_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert typed("train", "--dataset", "DIC-C2DH-HeLa", "--data-root", tmp_path / "data") == 2
    err = capsys.readouterr().err
    for way in ("http", "cellprune data fetch DIC-C2DH-HeLa --from", "--data-root"):
        assert way in err


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    from cellprune.errors import CellpruneError

    with pytest.raises(CellpruneError):
        main(["train", "--debug", "--config", str(tmp_path / "absent.yaml")])


def test_what_libraries_say_of_damaged_images_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    import imagecodecs

    profile = b"iCCPa\0\7nonsense"
    chunk = (len(profile) - 4).to_bytes(4, "big") + profile + zlib.crc32(profile).to_bytes(4, "big")
    png = imagecodecs.png_encode(np.eye(9, dtype=np.uint8))
    assert typed("train", "--epochs") == 2
    assert imagecodecs.png_decode(png[:33] + chunk + png[33:]).shape == (9, 9)  # after its header
    assert not caplog.records


def test_a_missing_library_is_named_with_the_way_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("cellprune.cli.train.load", absent)
    assert typed("train") == 2
    assert "pip install 'cellprune[train]'" in capsys.readouterr().err
