"""Every setting of a run, declared once: type, default, unit, range, help.

Flags, `--set`, file keys and the help page are all read from here. `Settings` decides what is computed: it is written
into the run, and its hash names the run. `Runtime` decides where and how comfortably: it changes no result.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from cellprune.config import names, own
from cellprune.config.base import MOST_SEED, Frozen, Values, named
from cellprune.config.data import Data
from cellprune.config.decoding import Decoding
from cellprune.config.model import Model
from cellprune.config.pruning import Pruning
from cellprune.config.training import Training


class Settings(Frozen):
    """One run, completely: what `config.yaml` holds."""

    task: Annotated[str, named("task", names.TASKS)] = Field(
        "segmentation", description=f"what the network learns, one of: {', '.join(names.TASKS)}"
    )
    seed: int = Field(0, ge=0, le=MOST_SEED, description="seed of initialization, data order and augmentation")
    data: Data = Data()
    # flattened, because the section's own flag would be --model, which names the network
    model: Annotated[Model, Parameter(name="*")] = Model()
    pruning: Pruning = Pruning()
    training: Training = Training()
    decoder: Decoding = Decoding()

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> Values:
        """Leave out the settings that this task never reads."""
        values = dict(handler(self))
        read = set(TASK_DATA[self.task])
        if self.task == "classification" and self.data.given_size is None:  # images are as large as they are
            read.discard("size")
        values["data"] = {key: value for key, value in values["data"].items() if key in read}
        return {key: value for key, value in values.items() if key != "decoder" or TASK_DECODER[self.task]}

    @property
    def tunes(self) -> bool:
        """Whether the decoder is tuned after the training; a task without maps has none."""
        return self.decoder.tune and bool(TASK_DECODER[self.task])

    def identity(self) -> Values:
        """Give what tells runs apart, as JSON values: one that does what older ones did has their name."""
        values: Values = self.model_dump(mode="json")
        for section, older in older_than_settings(self.task, values).items():
            values[section] = {k: v for k, v in values[section].items() if k not in older or v != older[k]}
        for section, name in (("model", "name"), ("data", "dataset")):  # of which the content says more than the folder
            values[section][name] = own.short(values[section][name])
        if values["model"].get("stem") == Model.model_fields["stem"].default:
            del values["model"]["stem"]
        if not values.get("decoder"):  # a section that older runs did not have
            values.pop("decoder", None)
        values["pruning"] = Pruning.identity(values["pruning"])
        training = values["training"]  # files are told apart by their content, wherever they lie
        values["training"] = {key: value for key, value in training.items() if f"{key}_sha256" not in training}
        return values


def older_than_settings(task: str, content: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Give what a run did that is older than a setting, so that its file does not say it.

    Args:
        task: what is learned.
        content: the sections of a config.yaml, of any version.
    """
    match content.get("pruning"):
        case {"method": str(method)} if names.is_dense_family(method):  # newer than all of them
            channels = False
        case {"control": str(control)} if control.startswith(("narrow", "flat")):  # of which nothing is taken out
            channels = False
        case {"granularity": "channel"} | {"method": "given"}:
            channels = True
        case _:
            channels = False
    older: dict[str, dict[str, object]] = {"data": {}, "pruning": {"shrink": False} if channels else {}}
    if task == "segmentation":
        older |= {"data": {"normalization": "standard", "target": "classes"}, "decoder": {"tune": False}}
    return older


TASK_DATA = {
    "segmentation": tuple(Data.model_fields),
    "classification": ("dataset", "source_sha256", "holdout", "split_seed", "select", "size"),
}
TASK_DECODER: dict[str, tuple[str, ...]] = {"segmentation": tuple(Decoding.model_fields), "classification": ()}
# what is otherwise where nothing is said: the usual training of small images, 160 epochs with weight decay 1e-4
TASK_DEFAULTS: dict[str, Values] = {
    "classification": {
        "data": {"dataset": "cifar10", "holdout": 0.1},
        "model": {"name": "resnet20"},
        "pruning": {"batch_size": 128},
        "training": {
            "epochs": 160,
            "batch_size": 128,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "schedule": "step",
            "loss": "cross-entropy",
            "augment": "crop",
        },
    },
}
# likewise of these sets: the published protocols of ResNet-18 and ResNet-50
SET_DEFAULTS: dict[str, Values] = {
    "tiny-imagenet": {
        "model": {"name": "resnet18"},
        "training": {"epochs": 200, "batch_size": 256, "learning_rate": 0.2},
    },
    "imagenet": {
        "data": {"size": (224, 224)},
        "model": {"name": "resnet50", "stem": "large"},
        "training": {"epochs": 90, "batch_size": 256, "augment": "resized-crop"},
    },
}
# likewise of other images whose sides have as many pixels or more
LARGE_FROM_PX = 128
LARGE_DEFAULTS: Values = {"model": {"stem": "large"}, "training": {"augment": "resized-crop"}}
# likewise where crops are learned from: 1,500 steps, of however few frames
CROP_DEFAULTS: dict[str, Values] = {
    "data": {"normalization": "percentile"},
    "training": {"batch_size": 8, "steps_per_epoch": 30},
}
TASK_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {  # of settings of the training, where a task has not all
    "segmentation": {"augment": ("none", "turns", "full")},
    "classification": {"augment": ("none", "crop", "resized-crop"), "loss": ("cross-entropy",)},
}


class Runtime(Frozen):
    """Where a run happens and what it shows; no result depends on it."""

    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = Field(
        None,
        description="this folder becomes the run; without it, a folder named after the settings, in the folder of runs",
    )
    runs: Path = Field(Path("runs"), description="folder of the runs that have no --output")
    data_root: Path | None = Field(
        None, description="folder of the data sets; without it $CELLPRUNE_DATA, else your user's"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the network runs")
    workers: int = Field(
        0,
        ge=0,
        le=1024,
        description="processes that prepare batches (images of classes in files: threads; 0 for as "
        "many as there are cores); results do not depend on it",
    )
    resume: bool = Field(
        False, description="go on where the run in the output folder stopped; start it if there is none"
    )
    keep_state: bool = Field(False, description="keep the training state when the run has finished")
