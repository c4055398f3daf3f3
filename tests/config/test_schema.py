"""All settings of a run: what a task reads of them, and what tells runs apart."""

import pytest
from pydantic import ValidationError

from cellprune.config.load import load, recorded
from cellprune.config.names import TASKS
from cellprune.config.schema import (
    TASK_CHOICES,
    TASK_DATA,
    TASK_DEFAULTS,
    Runtime,
    Settings,
    older_than_settings,
)
from cellprune.config.training import Training


def test_a_task_writes_the_settings_of_data_that_it_reads() -> None:
    segmentation, classification = load(), load(assignments=["task=classification"])
    assert {"truth", "split", "size", "normalization"} < segmentation.model_dump()["data"].keys()
    assert classification.model_dump()["data"].keys() <= set(TASK_DATA["classification"])


def test_a_run_that_does_what_older_ones_did_has_their_name() -> None:
    standard, robust = (load(assignments=[f"data.normalization={kind}"]) for kind in ("standard", "robust"))
    assert "normalization" not in standard.identity()["data"]
    assert robust.identity()["data"]["normalization"] == "robust"
    assert standard.model_dump()["data"]["normalization"] == "standard", "its file says it"


def test_crops_bring_their_steps_and_leave_every_other_run_its_name() -> None:
    crops = load(assignments=["data.crop=128"])
    assert (crops.training.batch_size, crops.training.steps_per_epoch) == (4, 20)
    assert (crops.data.network_size, crops.data.fits) == ((128, 128), None)
    assert "size" not in crops.model_dump()["data"], "frames keep theirs"
    assert load(assignments=["data.crop=128", "training.batch_size=1"]).training.batch_size == 1
    fitted = load(assignments=["data.crop=128", "data.size=[256, 256]"])
    assert (fitted.data.network_size, fitted.data.fits) == ((128, 128), (256, 256))
    for settings in (crops, fitted):
        assert recorded(settings.model_dump(mode="json")) == settings
        assert recorded(settings.model_dump(mode="json")).data.fits == settings.data.fits
    whole = load()
    assert (whole.data.network_size, whole.data.fits, whole.training.steps_per_epoch) == ((256, 256), (256, 256), None)
    assert not {"crop", "steps_per_epoch"} & (whole.model_dump()["data"].keys() | whole.model_dump()["training"].keys())


def test_identity_is_plain_values_and_seeds_tell_runs_apart() -> None:
    first, second = (load(assignments=[f"seed={seed}"]).identity() for seed in (0, 1))
    assert first != second
    assert first["data"]["size"] == [256, 256], "as JSON has it"


@pytest.mark.parametrize("task", TASKS)
def test_tables_of_tasks_name_settings_that_there_are(task: str) -> None:
    fields = Settings.model_fields
    for section, values in TASK_DEFAULTS.get(task, {}).items():
        assert values.keys() <= type(fields[section].default).model_fields.keys()
    assert TASK_CHOICES[task].keys() <= Training.model_fields.keys()
    assert set(TASK_DATA[task]) <= type(fields["data"].default).model_fields.keys()
    for section, older in older_than_settings(task, {"pruning": {"granularity": "channel"}}).items():
        assert older.keys() <= type(fields[section].default).model_fields.keys()


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_does_unasked_is_among_its_choices(task: str) -> None:
    training = load(assignments=[f"task={task}"]).training
    for key, choices in TASK_CHOICES[task].items():
        assert getattr(training, key) in choices


def test_where_a_run_happens_is_checked_too() -> None:
    for key, value in (("workers", -1), ("workers", 1025), ("device", "tpu"), ("no_such", 1)):
        with pytest.raises(ValidationError, match=key):
            Runtime.model_validate({key: value})


def test_a_dense_family_is_newer_than_every_setting() -> None:
    asked = {"method": "flat", "granularity": "channel", "budget": "macs=0.1"}
    assert older_than_settings("segmentation", {"pruning": asked})["pruning"] == {}
    assert older_than_settings("segmentation", {"pruning": {**asked, "method": "snip"}})["pruning"] == {"shrink": False}
