"""What a watcher shows: lines in a log, a bar on a terminal, curves where the library is."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.console import Console

from cellprune.cli.progress import Bar, Curves, Lines
from cellprune.errors import CellpruneError
from cellprune.training.progress import Event, Listener

START = Event("training", 0, 6, 0, 3)


def told(listener: Listener) -> None:
    """Three epochs of two steps."""
    listener.started(Event("scoring", message="scoring the weights (prospr)"))
    listener.finished(Event("scoring"))
    listener.started(START)
    for done in range(1, 7):
        scores = {"iou_image_mean": 0.75} if done > 3 else {}
        listener.advanced(Event("training", done, 6, (done + 1) // 2, 3, loss=1 / done, scores=scores))
    listener.finished(Event("training", 6, 6, 3, 3, scores={"iou_image_mean": 0.75}))


def test_lines_are_one_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    told(Lines())
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[:2] == ["scoring the weights (prospr)", "training: 3 epochs"]
    assert [line[:9] for line in lines[2:5]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "min left" in lines[2]
    assert "IoU" not in lines[2]
    assert "IoU 0.7500" in lines[4]
    assert lines[5] == "training done, IoU 0.7500"


def test_lines_of_a_resumed_run_count_from_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.started(Event("training", 4, 6, 0, 3))
    lines.advanced(Event("training", 5, 6, 3, 3, loss=1.0))
    lines.advanced(Event("training", 6, 6, 3, 3, loss=1.0))
    assert capsys.readouterr().err.splitlines()[1].startswith("epoch 3/3")


def test_the_bar_shows_epoch_loss_and_iou() -> None:
    bar = Bar()
    bar._console = Console(force_terminal=True, width=100, record=True)
    told(bar)
    shown = bar._console.export_text()
    assert "epoch 3/3, loss 0.1667, IoU 0.7500" in shown


def test_curves_need_their_library(tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        with pytest.raises(CellpruneError, match=r"cellprune\[tensorboard\]"):
            Curves(tmp_path)
        return
    told(Curves(tmp_path))
    assert any(path.stat().st_size for path in tmp_path.iterdir())
