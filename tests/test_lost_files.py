"""A run is finished only with every file; what is lost on its way is made again, or said in a line."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime
from cellprune.errors import CellpruneError, WorkError
from cellprune.experiment import record, story
from cellprune.runs import atomic
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.metrics import Epoch
from cellprune.training.progress import Event

pytestmark = pytest.mark.usefixtures("figures_left_empty")

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.method=random", "pruning.ratio=0.5",
    "training.epochs=2", "training.evaluate_every=2",
]  # fmt: skip
MADE_AGAIN = ["config", "split", "masks", "metrics", "tuning", "scores", "model", "cost", "report"]

Start = Callable[..., Folder]


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture(scope="module")
def start(data_root: Path) -> Start:
    def run(output: Path, *more: str, resume: bool = True, listeners: Any = ()) -> Folder:
        runtime = Runtime(output=output, data_root=data_root, resume=resume)
        return experiment.run(load(assignments=[*TINY, *more]), listeners, runtime=runtime)

    return run


@pytest.fixture(scope="module")
def cut(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A run that was killed when all was done but to say so."""
    output = tmp_path_factory.mktemp("cut") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record, "finish", kill)
        with pytest.raises(Killed):
            start(output)
    return Folder(output)


@pytest.fixture(scope="module")
def uncut(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return start(tmp_path_factory.mktemp("uncut") / "run")


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Folder], Folder]:
    return lambda folder: Folder(shutil.copytree(folder.path, tmp_path / "run"))


def lose(folder: Folder, *kinds: str) -> None:
    for kind in kinds:
        folder.file(kind).unlink()


def cut_off(folder: Folder, *kinds: str) -> None:
    for kind in kinds:
        path = folder.file(kind)
        content = path.read_bytes()
        # text at the end of a line, where what is left can still be read
        kept = len(content) // 2 if kind in ("masks", "model") else content.rfind(b"\n", 0, len(content) - 1) + 1
        path.write_bytes(content[:kept])


def assert_whole(folder: Folder, like: Folder) -> None:
    assert folder.finished
    assert {path.name for path in folder.path.iterdir()} == set(FILES.values()) - {"layer_times.json", "network.py"}
    for kind in ("config", "split", "masks"):
        assert folder.file(kind).read_bytes() == like.file(kind).read_bytes()
    assert folder.read_scores() == like.read_scores()
    assert folder.read_tuning() == like.read_tuning()
    weights, theirs = folder.read_model()[1], like.read_model()[1]
    assert {name: value.tobytes() for name, value in weights.items()} == {n: v.tobytes() for n, v in theirs.items()}
    rows, those = ([replace(row, seconds=0) for row in f.read_metrics()] for f in (folder, like))
    assert rows == those
    assert folder.read_provenance().epochs == len(rows)
    assert folder.read_cost().parameters == like.read_cost().parameters
    assert folder.holds("report")


@pytest.mark.parametrize("epochs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_kill_between_the_last_state_and_its_row_loses_no_row(epochs: int, start: Start, tmp_path: Path) -> None:
    write = Folder.write_metrics

    def killed(folder: Folder, rows: Sequence[Epoch]) -> None:
        kill() if len(rows) == epochs else write(folder, rows)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Folder, "write_metrics", killed)
        with pytest.raises(Killed):
            start(tmp_path / "run", f"training.epochs={epochs}")
    rows = start(tmp_path / "run", f"training.epochs={epochs}").read_metrics()
    assert [row.epoch for row in rows] == list(range(1, epochs + 1))
    assert rows[-1].scores["iou_image_mean"] is not None


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lose, cut_off])
def test_files_lost_in_mid_run_are_made_again(
    damage: Callable[..., None], start: Start, cut: Folder, uncut: Folder, copy: Callable[[Folder], Folder]
) -> None:
    folder = copy(cut)
    damage(folder, *MADE_AGAIN)
    start(folder.path)
    assert_whole(folder, uncut)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lose, cut_off])
def test_a_lost_record_is_written_anew(
    damage: Callable[..., None], start: Start, cut: Folder, uncut: Folder, copy: Callable[[Folder], Folder]
) -> None:
    folder = copy(cut)
    damage(folder, "provenance")
    start(folder.path)
    assert_whole(folder, uncut)
    assert len(folder.read_provenance().resumed) == 1
    assert "provenance.json is gone or damaged: it is written anew" in folder.log_path.read_text()


@pytest.mark.slow
def test_a_finished_run_makes_again_what_its_network_tells(
    start: Start, uncut: Folder, copy: Callable[[Folder], Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(uncut)
    monkeypatch.setattr(story, "_train", kill)
    lose(folder, "config", "split", "report")
    start(folder.path)
    assert_whole(folder, uncut)
    assert not folder.read_provenance().resumed
    lose(folder, "config", "masks", "scores", "cost")
    start(folder.path)
    assert_whole(folder, uncut)


@pytest.mark.slow
def test_a_smaller_network_tells_its_masks(
    start: Start, tmp_path: Path, copy: Callable[[Folder], Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "pruning.granularity=channel"
    uncut = start(tmp_path / "uncut", more)
    folder = copy(uncut)
    monkeypatch.setattr(story, "_train", kill)
    monkeypatch.setattr(story.choose, "masks", kill)
    lose(folder, "config", "masks", "scores", "cost")
    start(folder.path, more)
    assert_whole(folder, uncut)
    assert folder.file("model").stat().st_size == uncut.file("model").stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model", "metrics"])
@pytest.mark.parametrize("damage", [lose, cut_off])
def test_what_a_finished_run_cannot_make_again_is_said(
    kind: str, damage: Callable[..., None], start: Start, uncut: Folder, copy: Callable[[Folder], Folder]
) -> None:
    folder = copy(uncut)
    damage(folder, kind)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(CellpruneError, match=rf"{FILES[kind]} is gone or damaged, and the run is finished"):
        start(folder.path)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


@pytest.mark.parametrize(
    ("lost", "more", "said"),
    [
        (["config"], "seed=1", "config.yaml is gone or damaged, and it cannot be told"),
        (["config", "provenance"], "seed=0", "config.yaml is gone or damaged, and it cannot be told"),
        (["split", "provenance"], "seed=0", "split.yaml is gone or damaged, and it cannot be told"),
        (["provenance"], "seed=1", "was started with other settings"),
    ],
)
def test_what_a_run_was_of_is_never_guessed(
    lost: list[str], more: str, said: str, start: Start, cut: Folder, copy: Callable[[Folder], Folder]
) -> None:
    folder = copy(cut)
    lose(folder, *lost)
    before = {path.name for path in folder.path.iterdir()}
    with pytest.raises(CellpruneError, match=said):
        start(folder.path, more)
    assert {path.name for path in folder.path.iterdir()} == before


class _Remover:
    """Removes files of the run while it works: when its held-out part is scored."""

    def __init__(self, folder: Folder, *kinds: str) -> None:
        self._folder, self._kinds = folder, kinds

    def started(self, event: Event) -> None:
        if event.phase == "evaluation":
            lose(self._folder, *self._kinds)

    def advanced(self, event: Event) -> bool:
        return False

    def finished(self, event: Event) -> None: ...


@pytest.mark.slow
def test_a_file_removed_under_a_working_run_is_there_at_its_end(
    start: Start, uncut: Folder, cut: Folder, copy: Callable[[Folder], Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(cut)
    write = story.page.write

    def written_and_lost(of: Folder) -> None:
        write(of)
        lose(of, "scores", "report")

    with monkeypatch.context() as patched:
        patched.setattr(story.page, "write", written_and_lost)
        with pytest.raises(WorkError, match=r"lost report\.html, scores\.json while the run worked"):
            start(folder.path, listeners=[_Remover(folder, "config", "split", "metrics", "provenance", "masks")])
    assert not folder.finished
    start(folder.path)
    assert_whole(folder, uncut)


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_costs_a_line_and_no_bit(
    start: Start, uncut: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, written, room = os.replace, 0, 0
    said: list[str] = []

    def replace_while_there_is_room(*names: Any) -> None:
        nonlocal written
        written += 1
        if written > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(*names)

    monkeypatch.setattr(atomic.os, "replace", replace_while_there_is_room)
    while not (folder := Folder(tmp_path / "run")).has("provenance") or not folder.finished:
        written = 0
        try:
            start(folder.path)
        except WorkError as error:
            said.append(str(error))
        room += 3
    assert len(said) > 2
    assert all("No space left on device" in line and "--resume" in line for line in said)
    assert_whole(folder, uncut)
