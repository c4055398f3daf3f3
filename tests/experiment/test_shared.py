"""A folder of runs that many share: a run is known by its hash, and by its settings, whatever its folder is called."""

from pathlib import Path

import finished_run
import pytest
from tiny_jobs import job

from cellprune import experiment
from cellprune.config import load as config
from cellprune.config.schema import Runtime
from cellprune.experiment import shared, story
from cellprune.experiment.opening import open_data
from cellprune.runs.documents import plain
from cellprune.runs.folder import Folder


@pytest.mark.parametrize("name", ["", "my-run"])
def test_a_finished_run_is_found_by_its_own_name_and_by_any_other(name: str, tmp_path: Path, data_root: Path) -> None:
    runtime = Runtime(runs=tmp_path, data_root=data_root, device="cpu", resume=True)
    settings = experiment.settled(job(3, tmp_path, data_root).settings, runtime=runtime)
    opened = open_data(settings, data_root)
    split = opened.split.written()
    named = shared.folder_in(tmp_path, settings, split)
    assert named.name.startswith("simulated_unet_snip-0.5_s3_")
    assert shared.finished_in(tmp_path / "none", settings, split) is None
    run = finished_run.make(tmp_path / name if name else named, n_images=2)
    run.file("model").write_bytes(b"weights")
    run.write_config(settings.model_dump(mode="json"))
    with finished_run.edited(run, "provenance") as made:
        made["data"]["sha256"] = config.digest(settings, plain(split))
    other = settings.model_copy(update={"seed": 4})
    assert shared.finished_in(tmp_path, settings, split) == run.path
    assert shared.finished_in(tmp_path, other, split) is None
    assert shared.is_there(tmp_path, settings)
    assert not shared.is_there(tmp_path, other)
    assert story._shared(runtime, opened) == run.path
    assert story._shared(runtime.model_copy(update={"resume": False}), opened) == named
    with finished_run.edited(run, "provenance") as made:
        made["finished"] = None
    assert shared.finished_in(tmp_path, settings, split) is None
    assert not Folder(run.path).finished
