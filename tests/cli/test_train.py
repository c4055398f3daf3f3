"""What `cellprune train` refuses before it loads anything heavy."""

from pathlib import Path

import pytest
from command_line import typed


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--granularity", "channel"], "pruning.granularity"),
        (["--method", "random"], "pruning.method"),
        (["--round-to", "4", "--set", "pruning.floor=0.1"], "pruning.floor"),
    ],
)
def test_how_to_prune_without_how_much_trains_nothing(
    words: list[str], key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("train", *words, "-o", tmp_path / "run") == 2
    assert f"{key} is given, but nothing is removed: say how much" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_dense_network_may_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--method", "snip", "--prune", "0"], ["--method", "dense"], ["--set", "pruning.method=dense"]):
        assert typed("train", *words, "--dataset", tmp_path / "none", "-o", tmp_path / "run") == 2
        assert "nothing is removed" not in capsys.readouterr().err
