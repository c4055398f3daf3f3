"""A run's folder: what it takes, what it refuses, and that one process at a time works in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import finished_run
import numpy as np
import pytest
from finished_run import write

from cellprune.errors import CellpruneError
from cellprune.runs.documents import plain
from cellprune.runs.folder import FILES, STATE, Folder
from cellprune.runs.layer_times import LayerTimes, TimedIn
from cellprune.runs.metrics import Epoch
from cellprune.runs.scores import SegmentationScores
from cellprune.runs.state import States
from cellprune.runs.tuning import Tried, Tuning
from cellprune.targets.decoders import BorderSeeds, Components

SPLIT, PROVENANCE = finished_run.split("simulated", 1), finished_run.provenance("prospr")
COST = finished_run.cost(finished_run.unet_layers(0.9, dead=False, width=1), dead=False)
LAYER_TIMES = LayerTimes(
    timed_in=TimedIn(engine="onnx", version="1", processor="p", threads=1), milliseconds={"Conv2d 1>2": 0.1 + 0.2}
)
EPOCH = Epoch(0, 1, 0.1 + 0.2, {"iou_image_mean": None}, 1e-3, 0.5, 1.25)
TUNING = Tuning(tried=(Tried(Components(), 0.1 + 0.2), Tried(BorderSeeds(min_area_px=3.5), None)), chosen=1)
SCORES = SegmentationScores("segmentation", "ignore", "report", (), {"iou_image_mean": {"network": None}}, ())


def fill(folder: Folder) -> None:
    """Write every file of a run."""
    folder.write_config({"seed": 0, "data": {"dataset": "żółw", "split": "random"}})
    folder.write_network("def build(): ...")
    write(folder, "split", SPLIT)
    write(folder, "provenance", PROVENANCE)
    folder.write_layer_times(LAYER_TIMES)
    folder.write_masks({"w": np.array([[True, False, True]])})
    write(folder, "cost", COST)
    folder.save_state({"w": np.ones(3)}, {"epoch": 1})
    folder.write_metrics([EPOCH])
    folder.write_scores(SCORES)
    folder.write_tuning(TUNING)
    folder.write_model({"classes": ["background", "cell"]}, {"w": np.ones(3)}, {})
    folder.write_report("<p>µ</p>")
    folder.log_path.write_text("a line\n")


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_what_is_written_is_read_and_the_set_of_files_is_exact(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path / "runs" / "one", resume=False)
    with folder.lock():
        fill(folder)
    assert names(folder.path) == {*FILES.values(), STATE}
    assert folder.read_layer_times() == LAYER_TIMES
    run = Folder(folder.path)
    assert run.read_config() == {"seed": 0, "data": {"dataset": "żółw", "split": "random"}}
    assert plain(run.read_split()) == SPLIT
    assert run.read_provenance().device == PROVENANCE["device"]
    assert run.read_masks()["w"].tolist() == [[True, False, True]]
    assert run.read_cost().macs.input == tuple(COST["macs"]["input"])
    assert run.read_metrics() == (EPOCH,)
    assert run.read_scores() == SCORES
    assert run.read_tuning() == TUNING
    assert run.read_model()[0]["classes"] == ["background", "cell"]
    assert run.file("report").read_text(encoding="utf-8") == "<p>µ</p>"
    state = run.load_state()
    assert state is not None
    assert state[1] == {"epoch": 1}
    run.drop_state()
    assert names(folder.path) == {*FILES.values()}


def test_a_run_is_finished_when_its_provenance_says_so(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert not folder.finished
    write(folder, "provenance", PROVENANCE | {"finished": None})
    assert not folder.finished
    write(folder, "provenance", PROVENANCE)
    assert folder.finished


def test_an_empty_folder_is_taken_and_opening_writes_nothing(tmp_path: Path) -> None:
    Folder.open(tmp_path, resume=False)
    Folder.open(tmp_path / "absent" / "deep", resume=True)
    assert names(tmp_path) == set()


def test_litter_is_no_content(tmp_path: Path) -> None:
    for name in ("._run", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).touch()
    assert Folder.open(tmp_path).path == tmp_path


def test_a_run_refused_under_the_lock_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path / "runs" / "one")
    with pytest.raises(CellpruneError, match="no data"), folder.lock():
        raise CellpruneError("no data")
    assert names(tmp_path) == set()


def test_a_run_is_taken_with_resume_alone(tmp_path: Path) -> None:
    fill(Folder(tmp_path))
    (tmp_path / ".DS_Store").touch()
    with pytest.raises(CellpruneError, match=r"holds a run: go on with it by --resume"):
        Folder.open(tmp_path, resume=False)
    with Folder.open(tmp_path, resume=True).lock():
        pass


@pytest.mark.parametrize("resume", [False, True])
def test_foreign_content_is_refused_by_name(resume: bool, tmp_path: Path) -> None:
    fill(Folder(tmp_path))
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(CellpruneError, match=r"holds 'thesis.docx', which no run writes"):
        Folder.open(tmp_path, resume)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
@pytest.mark.parametrize("name", ["state", "metrics.csv", "log.txt", ".lock", ".scores.json.1.partial"])
def test_a_link_in_a_run_is_refused_and_what_it_leads_to_is_left_alone(name: str, tmp_path: Path) -> None:
    theirs, run = tmp_path / "theirs", tmp_path / "run"
    States(theirs).save({}, {})
    run.mkdir()
    late = Folder.open(run, resume=True)
    (run / name).symlink_to(theirs if name == "state" or name.endswith("partial") else theirs / "000001.json")
    before = {path: path.read_bytes() for path in theirs.iterdir()}
    with pytest.raises(CellpruneError, match=f"{re.escape(name)} is a link, .* remove it"):
        Folder.open(run, resume=True)
    with pytest.raises(CellpruneError, match="is a link"), late.lock():
        pass
    assert {path: path.read_bytes() for path in theirs.iterdir()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe in a folder is a Unix thing")
def test_what_is_no_file_is_refused_before_anybody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.txt")
    with pytest.raises(CellpruneError, match=r"log\.txt is of another kind than a run's"):
        Folder.open(tmp_path, resume=True)


@pytest.mark.parametrize("below", ["", "runs"])
def test_a_file_in_the_way_is_refused(below: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CellpruneError, match=r"file is a file, not a folder"):
        Folder.open(tmp_path / "file" / below)


def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    if os.name == "nt" or (os.geteuid() == 0 and not shutil.which("setpriv")):
        pytest.skip("needs a user whom permissions bind")
    (tmp_path / "locked").mkdir(mode=0o555)
    (tmp_path / "hidden").mkdir(mode=0o000)
    code = (
        "import sys; from pathlib import Path; from cellprune.errors import CellpruneError\n"
        "from cellprune.runs.folder import Folder\n"
        "for path in sys.argv[1:]:\n"
        "    try: Folder.open(Path(path))\n"
        "    except CellpruneError as error: print(error)"
    )
    # root may do anything: give that up first
    bound = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    paths = [tmp_path / "locked", tmp_path / "locked" / "runs", tmp_path / "hidden", tmp_path / "hidden" / "runs"]
    told = subprocess.run([*bound, sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    assert len(lines) == 4, told.stdout + told.stderr
    assert all("locked: give another --output" in line for line in lines[:2])
    assert all("hidden" in line and "--output" in line for line in lines[2:])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_folder_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(CellpruneError, match="give another --output"), Folder.open(Path("/proc/runs")).lock():
        pass


def test_a_second_process_at_work_is_refused(tmp_path: Path) -> None:
    first, second = Folder.open(tmp_path / "run"), Folder.open(tmp_path / "run", resume=True)
    with first.lock(), pytest.raises(CellpruneError, match="another process is at work") as refusal, second.lock():
        pass
    assert refusal.value.exit_code == 2
    with second.lock():
        assert ".lock" in names(tmp_path / "run")


def test_a_run_that_came_and_went_since_opening_is_not_overwritten(tmp_path: Path) -> None:
    first, late = Folder.open(tmp_path / "run"), Folder.open(tmp_path / "run")
    with first.lock():
        first.write_config({"seed": 1})
    with pytest.raises(CellpruneError, match="holds a run"), late.lock():
        late.write_config({"seed": 2})
    assert first.read_config() == {"seed": 1}
    assert names(tmp_path / "run") == {"config.yaml"}


def test_a_killed_run_leaves_no_lock_and_its_leftovers_are_cleaned(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from cellprune.runs.folder import Folder\n"
        "from cellprune.runs import atomic\n"
        "folder = Folder.open(Path(sys.argv[1]))\n"
        "with folder.lock():\n"
        "    folder.save_state({}, {'epoch': 1})\n"
        "    (folder.path / 'state' / '.000002.json.1.partial').mkdir()\n"
        "    with atomic.replacing(folder.file('scores')) as beside: beside.write_text('{'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert ".lock" in names(tmp_path)
    assert len(names(tmp_path)) == 3
    folder = Folder.open(tmp_path, resume=True)
    with folder.lock():
        assert names(tmp_path) == {".lock", STATE}
        assert names(tmp_path / STATE) == {"000001.json", "000001.safetensors"}
    assert names(tmp_path) == {STATE}


def test_too_little_space_is_said_with_how_much_is_needed(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path / "absent" / "run")
    folder.require_space(1)
    with pytest.raises(CellpruneError, match=r"needs 1000000000\.00 GB, its disk has [\d.]+ GB free: free some"):
        folder.require_space(10**18)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("config", b"a: [", "config.yaml is damaged"),
        ("config", b"- a", "holds no mapping"),
        ("config", b"!!python/object/apply:os.getcwd []", "config.yaml is damaged"),
        ("cost", b"", "cost.json is damaged"),
        ("cost", b"[]", "holds no mapping"),
        ("cost", b"[" * 100_000, "cost.json is damaged"),
        ("cost", b"\xff\xfe", "cost.json is damaged"),
        ("metrics", b"a,b\n1\n", "lines differ in length"),
        ("masks", b"", "is empty or cut off"),
    ],
)
def test_damaged_files_are_named(kind: str, content: bytes, said: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.file(kind).write_bytes(content)
    with pytest.raises(CellpruneError, match=said) as refusal:
        getattr(folder, f"read_{kind}")()
    assert str(folder.file(kind)) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_masks_with_wrong_shapes_are_refused(tmp_path: Path) -> None:
    from cellprune.runs import container, packing

    tensors, _ = packing.pack_masks({"w": np.ones(9, bool)})
    container.write(tmp_path / "masks.safetensors", tensors, kind="masks", version=1, note={"masks": {"w": [90]}})
    with pytest.raises(container.UnreadableFileError, match="does not fill its shape"):
        Folder(tmp_path).read_masks()


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match=r"has no scores.json: give the folder of a run"):
        Folder(tmp_path).read_scores()
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(CellpruneError, match=r"config.yaml cannot be read"):
        Folder(tmp_path).read_config()


def test_a_table_without_rows_comes_back_empty(tmp_path: Path) -> None:
    Folder(tmp_path).write_metrics([])
    assert Folder(tmp_path).read_metrics() == ()
