"""A teacher: what it must be, what it must never have seen, and that its content is part of the run."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from finished_run import edited, provenance, write

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.model import Model
from cellprune.config.schema import Runtime, Settings
from cellprune.config.training import Training
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier, kept_scores, story, teaching
from cellprune.experiment.opening import drawn, open_data, set_up
from cellprune.experiment.settling import settled
from cellprune.models.architecture import Architecture
from cellprune.runs import modelfile
from cellprune.runs.folder import Folder
from cellprune.runs.split import ImagePart, ImageSplit
from cellprune.training.accelerator import start

pytestmark = pytest.mark.usefixtures("figures_left_empty")

CPU = torch.device("cpu")
TINY = ["data.size=[32, 32]", "model.width=2", "model.depth=1", "training.epochs=1", "decoder.tune=false"]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Folder:
    """A finished run, but for what a teacher does not need; its network was never trained."""
    folder = Folder(tmp_path_factory.mktemp("teacher") / "run")
    folder.path.mkdir()
    opened = open_data(settled(load(assignments=TINY), CPU), data_root)
    write(folder, "config", opened.settings.model_dump(mode="json"))
    write(folder, "provenance", provenance("dense"))
    folder.write_split(opened.split.written())
    weights = {name: value.numpy() for name, value in drawn(opened.architecture, 0).state_dict().items()}
    header = {"architecture": opened.architecture.as_dict(), **opened.task.header(opened.frames, opened.settings)}
    folder.write_model(header, weights, {})
    return folder


@pytest.fixture
def split_by(teacher: Folder, data_root: Path) -> Callable[..., object]:
    """Open the data as a run with this teacher does, before any work."""

    def opened(*more: str, taught_by: Path = teacher.path) -> object:
        asked = load(assignments=[*TINY, f"training.teacher={taught_by}", *more])
        return story.split_of(asked, runtime=Runtime(data_root=data_root))

    return opened


@pytest.mark.slow
def test_a_run_with_a_teacher_learns_from_every_frame_outside_of_the_held_out_and_says_so(
    teacher: Folder, tmp_path: Path, data_root: Path
) -> None:
    asked = load(assignments=[*TINY, f"training.teacher={teacher.path}"])
    run = experiment.run(asked, runtime=Runtime(output=tmp_path / "run", data_root=data_root))
    parts = run.read_split().parts
    assert {name: len(frames) for name, frames in parts.items()} == {
        "train": 13, "select": 0, "report": 5, "unannotated": 6,
    }  # fmt: skip
    assert parts["report"] == teacher.read_split().parts["report"]
    assert "learning by its teacher alone from 6 frames that nobody annotated" in run.log_path.read_text()
    page = run.file("report").read_text()
    assert "and by its teacher alone from 6 frames that nobody annotated" in page
    assert "dense, nothing removed, with teacher" in page
    ours, theirs = (folder.read_model().weights for folder in (run, teacher))
    assert any((ours[name] != theirs[name]).any() for name in ours)
    again = Runtime(output=run.path, data_root=data_root, resume=True)
    weighed = load(assignments=["training.teacher_weight=2"], file=run.file("config"))
    with pytest.raises(CellpruneError, match=r"other settings \(training.teacher_weight: 1.0 -> 2.0\)"):
        experiment.run(weighed, runtime=again)


def test_a_teachers_content_names_the_run_wherever_it_lies(teacher: Folder, tmp_path: Path) -> None:
    moved = tmp_path / "moved.safetensors"
    shutil.copy(teacher.file("model"), moved)
    here, there = (
        settled(load(assignments=[*TINY, f"training.teacher={path}"]), CPU) for path in (teacher.path, moved)
    )
    assert here.training.teacher_sha256
    assert here.identity() == there.identity()
    header, weights, _ = modelfile.read(moved)
    weights["head.bias"] += 1
    modelfile.write(moved, header, weights, {})
    with pytest.raises(CellpruneError, match="does not hold the teacher that these settings were made with: restore"):
        settled(there, CPU)
    other = settled(load(assignments=[*TINY, f"training.teacher={moved}"]), CPU)
    assert other.identity() != here.identity()


def test_a_teacher_that_learned_from_held_out_frames_is_refused_and_they_are_named(
    split_by: Callable[..., object],
) -> None:
    said = r"learned from \d frames that this run holds out \(0\d/\d\d\d.*\): give one that was trained with the same"
    with pytest.raises(CellpruneError, match=said):
        split_by("data.split_seed=1")
    with pytest.raises(CellpruneError, match=said):
        split_by("data.select=0.3")
    with pytest.raises(CellpruneError, match=said):  # which comes before what follows from another split
        split_by("data.split_seed=1", "data.normalization=standard")


def test_scores_are_the_same_with_a_teacher_and_shared(teacher: Folder, data_root: Path) -> None:
    asked = [
        load(assignments=[*TINY, "pruning.ratio=0.5", *more]) for more in ([], [f"training.teacher={teacher.path}"])
    ]
    alone, taught = (set_up(open_data(settled(settings, CPU), data_root), start("cpu")) for settings in asked)
    assert taught.opened.split.written() != alone.opened.split.written()
    assert kept_scores._digest(taught, {}) == kept_scores._digest(alone, {})
    ours, theirs = (next(setup.loaders.scoring(4)) for setup in (taught, alone))
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["data.target=distance"], r"\(target border, here distance; output 3, here 2\): give one"),
        (["data.normalization=standard"], "normalization zero-mean-unit-variance-within-percentiles.* here zero-mean"),
    ],
)
def test_a_teacher_of_another_shape_is_refused_in_one_line(
    more: list[str], said: str, split_by: Callable[..., object]
) -> None:
    with pytest.raises(CellpruneError, match=f"is of another shape than this run .*{said}") as refused:
        split_by(*more)
    assert "\n" not in str(refused.value)


def test_what_a_teacher_learned_from_is_asked_of_its_own_teacher_and_else_said_to_be_unknown(
    teacher: Folder, tmp_path: Path, split_by: Callable[..., object], caplog: pytest.LogCaptureFixture
) -> None:
    taught = Folder(tmp_path / "taught")
    shutil.copytree(teacher.path, taught.path)
    with edited(taught, "config") as config:
        config["training"] |= {"teacher": str(teacher.path), "teacher_weight": 1.0, "teacher_temperature": 2.0}
    assert earlier.settings_of(taught).training.is_taught
    split_by(taught_by=taught.path)
    with edited(taught, "split") as split:
        split["parts"]["train"] = split["parts"]["train"][:1]
    with pytest.raises(CellpruneError, match="that this run holds out"):
        split_by("data.split_seed=1", taught_by=taught.path)
    assert "it is not known" not in caplog.text
    split_by("data.split_seed=1", taught_by=teacher.file("model"))
    assert "it is not known what the teacher" in caplog.text


def test_a_teacher_of_other_images_of_equal_number_is_refused(tmp_path: Path) -> None:
    alike = {part: ImagePart(10, "56") for part in ("train", "select", "report")}
    ours = ImageSplit(dataset="b", how="random", holdout=0.1, seed=0, files={"list": "1", "content": "2"}, parts=alike)
    teaching._require_apart(tmp_path, [replace(ours, files={"list": "1"})], ours)  # an older version hashed less
    for files in ({"list": "1", "content": "3"}, {"own.npz": "1"}):
        with pytest.raises(CellpruneError, match="learned from other images than this run does"):
            teaching._require_apart(tmp_path, [ours, replace(ours, files=files)], ours)


def test_numbers_of_a_teacher_without_one_are_refused() -> None:
    with pytest.raises(CellpruneError, match=r"training\.teacher_weight has an effect only with a teacher: add"):
        load(assignments=["training.teacher_weight=2"])
    with pytest.raises(CellpruneError, match=r"teacher_temperature softens probabilities, and data\.target=distance"):
        load(assignments=["training.teacher_temperature=4", "training.teacher=x", "data.target=distance"])
    assert "teacher" not in load().model_dump_json()


def test_a_teacher_of_the_users_own_network_is_read_by_a_student_that_names_it(tmp_path: Path) -> None:
    code = "from torch import nn\n\n\ndef build(in_channels, classes):\n    return nn.Conv2d(in_channels, classes, 1)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    model = Model(name=f"{tmp_path}/net.py:build").with_code_told()
    architecture = Architecture.of(model, in_channels=1, classes=2)
    weights = {name: value.numpy() for name, value in architecture.build().state_dict().items()}
    file = tmp_path / "teacher.safetensors"
    modelfile.write(file, {"architecture": architecture.as_dict()}, weights, {})
    taught = Settings(training=Training(teacher=file))
    with pytest.raises(CellpruneError, match=r"teacher.safetensors: it is of 'net.py:build', a network of your own"):
        teaching.read(taught)
    named = teaching.read(taught.model_copy(update={"model": model}))
    assert named.architecture == architecture
