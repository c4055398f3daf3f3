"""A run that is killed, anywhere, and goes on ends with the same bits as one that never was."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import killed_run
import pytest

from cellprune.runs.folder import Folder

pytestmark = pytest.mark.slow

PROSPR = ["pruning.inner_momentum=0.5"]


@pytest.fixture(scope="module")
def process() -> Callable[..., int]:
    """Run in a fresh process that has the libraries imported already; give its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cellprune.experiment", "cellprune.tasks.segmentation"])

    def start(
        output: Path, data_root: Path, moment: str = "never", resume: bool = False, more: Sequence[str] = PROSPR
    ) -> int:
        child = context.Process(target=killed_run.run, args=(output, data_root, moment, resume, list(more)))
        child.start()
        child.join(120)
        assert child.exitcode is not None, "the run hangs"
        return child.exitcode

    return start


@pytest.fixture(scope="module")
def uncut(process: Callable[..., int], tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Folder:
    output = tmp_path_factory.mktemp("uncut") / "run"
    assert process(output, data_root) == 0
    assert len(Folder(output).read_tuning().tried) > 1
    return Folder(output)


MOMENTS = [
    "scoring", "masks are being written", "first epoch", "third epoch", "tuning",
    "what was tuned is written", "evaluation", "state is being written",
    "state is there, curves are not", "model is written", "report",
]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_with_the_same_bits(
    moment: str, process: Callable[..., int], uncut: Folder, tmp_path: Path, data_root: Path
) -> None:
    output = tmp_path / "run"
    assert process(output, data_root, moment) == -signal.SIGKILL
    assert not Folder(output).finished
    assert process(output, data_root, resume=True) == 0
    _assert_same(Folder(output), uncut)


MOVING = {
    "lottery": ["pruning.ratio=0.3", "pruning.rewind_step=4", "training.epochs=1"],
    "magnitude-after": ["pruning.ratio=0.8"],
    "rigl": ["pruning.ratio=0.8", "pruning.update_every=2"],
    "set": ["pruning.ratio=0.8", "pruning.update_every=2"],
    "gradual-channel": ["pruning.ratio=0.5"],
    "gradual": ["pruning.ratio=0.8", "training.optimizer=sgd", "training.learning_rate=0.01"],
}


@pytest.mark.parametrize("method", MOVING)
def test_a_run_killed_in_every_epoch_of_every_stage_ends_with_the_same_bits(
    method: str, process: Callable[..., int], tmp_path: Path, data_root: Path
) -> None:
    more = [f"pruning.method={method}", "training.epochs=2", *MOVING[method]]
    assert process(tmp_path / "uncut", data_root, more=more) == 0
    uncut, output = Folder(tmp_path / "uncut"), tmp_path / "run"
    epochs = len(uncut.read_metrics())
    assert uncut.read_provenance().epochs == epochs
    kills = 0
    while (code := process(output, data_root, "every epoch", resume=kills > 0, more=more)) == -signal.SIGKILL:
        kills += 1
        assert not Folder(output).finished
        assert not Folder(output).has("masks")
        assert len(Folder(output).read_metrics()) == kills
    assert code == 0
    assert kills == epochs - 1
    _assert_same(Folder(output), uncut)
    assert Folder(output).file("masks").read_bytes() == uncut.file("masks").read_bytes()


CHANNELS = ["pruning.granularity=channel", "pruning.ratio=0.5", "training.epochs=3"]


def test_a_run_whose_channels_left_the_network_ends_with_the_same_bits_wherever_it_is_killed(
    process: Callable[..., int], tmp_path: Path, data_root: Path
) -> None:
    assert process(tmp_path / "uncut", data_root, more=CHANNELS) == 0
    uncut, output = Folder(tmp_path / "uncut"), tmp_path / "run"
    assert "kept" in uncut.read_model().header["architecture"]
    moments = ["masks are being written", "first epoch", "every epoch", "every epoch", "model is written", "report"]
    for number, moment in enumerate(moments):
        assert process(output, data_root, moment, resume=number > 0, more=CHANNELS) == -signal.SIGKILL
        if moment == "every epoch":
            Folder(output).file("masks").unlink()  # chosen again, and the same
    assert process(output, data_root, resume=True, more=CHANNELS) == 0
    _assert_same(Folder(output), uncut)
    assert Folder(output).file("masks").read_bytes() == uncut.file("masks").read_bytes()


CROPS = ["data.crop=24", "training.steps_per_epoch=3", "training.batch_size=2", "training.epochs=3"]


def test_a_run_on_crops_ends_with_the_same_bits_wherever_it_is_killed(
    process: Callable[..., int], tmp_path: Path, data_root: Path
) -> None:
    assert process(tmp_path / "uncut", data_root, more=CROPS) == 0
    output = tmp_path / "run"
    for number, moment in enumerate(["scoring", "every epoch", "every epoch", "evaluation"]):
        assert process(output, data_root, moment, resume=number > 0, more=CROPS) == -signal.SIGKILL
    assert process(output, data_root, resume=True, more=CROPS) == 0
    _assert_same(Folder(output), Folder(tmp_path / "uncut"))
    assert Folder(output).file("masks").read_bytes() == Folder(tmp_path / "uncut").file("masks").read_bytes()


def _assert_same(again: Folder, uncut: Folder) -> None:
    assert again.finished
    header, weights, masks = again.read_model()
    header_uncut, weights_uncut, masks_uncut = uncut.read_model()
    assert header["architecture"] == header_uncut["architecture"]
    for ours, theirs in ((weights, weights_uncut), (masks, masks_uncut)):
        assert {name: value.tobytes() for name, value in ours.items()} == {n: v.tobytes() for n, v in theirs.items()}
    assert header["decoder"] == header_uncut["decoder"]
    assert again.read_tuning() == uncut.read_tuning()
    assert again.read_scores() == uncut.read_scores()
    timeless = [replace(row, seconds=0) for row in again.read_metrics()]
    assert timeless == [replace(row, seconds=0) for row in uncut.read_metrics()]
    assert {p.name for p in again.path.iterdir()} == {p.name for p in uncut.path.iterdir()}


def test_a_run_with_a_teacher_ends_with_the_same_bits_wherever_it_is_killed(
    process: Callable[..., int], uncut: Folder, tmp_path: Path, data_root: Path
) -> None:
    more = [f"training.teacher={uncut.path}", "training.batch_size=2"]
    assert process(tmp_path / "uncut", data_root, more=more) == 0
    output = tmp_path / "run"
    for number, moment in enumerate(["scoring", "every epoch", "every epoch", "evaluation"]):
        assert process(output, data_root, moment, resume=number > 0, more=more) == -signal.SIGKILL
    assert process(output, data_root, resume=True, more=more) == 0
    _assert_same(Folder(output), Folder(tmp_path / "uncut"))
