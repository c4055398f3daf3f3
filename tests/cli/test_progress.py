"""What a watcher shows: lines in a log, a bar on a terminal, curves where the library is."""

import sys
import time
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cellprune.cli import heartbeat
from cellprune.cli.progress import Bar, Curves, Inside, Lines, loading, phase
from cellprune.errors import CellpruneError
from cellprune.training.progress import Event, Listener

START = Event("training", 0, 6, 0, 3)


def told(listener: Listener) -> None:
    """Three epochs of two steps; the second is evaluated."""
    listener.started(Event("scoring", message="scoring the weights (prospr)"))
    listener.finished(Event("scoring"))
    listener.started(START)
    for done in range(1, 7):
        scores, scored_epoch = ({"iou_image_mean": 0.75}, 2) if done > 3 else ({}, 0)
        event = Event("training", done, 6, (done + 1) // 2, 3, 1 / done, scores, scored_epoch)
        listener.advanced(event)
    listener.finished(Event("training", 6, 6, 3, 3, scores={"iou_image_mean": 0.75}))


def until(said: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until something is said on standard error, and give all that was."""
    err = ""
    for _ in range(500):
        err += capsys.readouterr().err
        if said in err:
            return err
        time.sleep(0.01)
    raise AssertionError(f"{said!r} was never said, but {err!r}")


def test_lines_are_one_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    told(Lines())
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[:2] == ["scoring the weights (prospr)", "training: 3 epochs"]
    assert [line[:9] for line in lines[2:5]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "min left" in lines[2]
    assert "IoU" not in lines[2]
    assert lines[3].startswith("epoch 2/3, loss 0.2500, IoU 0.7500, "), "of this epoch"
    assert lines[4].startswith("epoch 3/3, loss 0.1667, IoU 0.7500 (epoch 2)"), "of the one before"
    assert lines[5] == "training done, IoU 0.7500"
    one = Lines()
    one.started(Event("training", 0, 2, 0, 1))
    one.close()
    assert capsys.readouterr().err == "training: 1 epoch\n"


def test_what_is_counted_gets_a_line_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    lines, event = Lines(), Event("scoring", message="scoring the weights (force)")
    lines.started(event)
    for done in range(1, 61):
        lines.advanced(Event("scoring", done, 60, message=event.message))
    lines.finished(event)
    first, *rounds = capsys.readouterr().err.splitlines()
    assert first == event.message
    assert len(rounds) == 10
    assert rounds[0].startswith("scoring the weights (force), 6 of 60 done, ")
    assert rounds[-1] == "scoring the weights (force), 60 of 60 done"


def test_no_phase_is_silent_for_long_and_nothing_is_said_after_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.05)
    lines = Lines()
    lines.started(Event("predicting", 0, 1, message="1 image"))
    lines.advanced(Event("predicting", 0, 1, message="mosaic.tif, tile 3/400"))
    assert "mosaic.tif, tile 3/400, for 0." in until("now", capsys)
    lines.finished(Event("predicting", 1, 1))
    with pytest.raises(KeyError), phase("it breaks"):
        raise KeyError
    capsys.readouterr()
    time.sleep(0.15)
    assert capsys.readouterr().err == ""


def test_a_phase_tells_which_part_of_it_is_under_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.02)
    lines, whole = Lines(), Event("", message="timing one epoch", after_s=0.02)
    lines.started(whole)
    Inside(lines, whole).advanced(Event("scoring", 7, 60, message="scoring the weights (force)"))
    assert "timing one epoch: scoring the weights (force), 7 of 60 done, for 0." in until("now", capsys)
    lines.finished(whole)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_phase_that_is_mostly_short_is_named_when_it_is_not(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with loading():
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("cellprune.cli.progress.PATIENCE_S", 0.01)
    with loading():
        assert "loading PyTorch" in until("loading", capsys)


def test_a_share_is_told_with_a_plain_space(capsys: pytest.CaptureFixture[str]) -> None:
    with phase("timing one epoch with 50\u00a0% removed"):
        pass
    assert "with 50 % removed" in capsys.readouterr().err


def test_lines_of_a_resumed_run_count_from_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.started(Event("training", 4, 6, 0, 3))
    lines.advanced(Event("training", 5, 6, 3, 3, loss=1.0))
    lines.advanced(Event("training", 6, 6, 3, 3, loss=1.0))
    assert capsys.readouterr().err.splitlines()[1].startswith("epoch 3/3")
    lines.close()


def test_the_bar_shows_epoch_loss_and_iou() -> None:
    bar = Bar()
    bar._console = Console(force_terminal=True, width=100, record=True, file=StringIO())
    told(bar)
    shown = bar._console.export_text()
    assert "scoring the weights (prospr)" in shown
    assert "epoch 3/3, loss 0.1667, IoU 0.7500 (epoch 2)" in shown


def test_curves_need_their_library(tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        with pytest.raises(CellpruneError, match=r"cellprune\[tensorboard\]"):
            Curves(tmp_path)
        return
    told(Curves(tmp_path))
    assert any(path.stat().st_size for path in tmp_path.iterdir())
