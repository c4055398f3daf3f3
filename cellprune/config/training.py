"""The section `training`: how the network is trained, pruned or not."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from cellprune.config.base import Frozen


class Training(Frozen):
    """How the network is trained, pruned or not."""

    epochs: Annotated[int, Parameter(alias="--epochs")] = Field(
        50, ge=1, le=10**6, description="passes over the training part, or as many times `steps_per_epoch`"
    )
    steps_per_epoch: Annotated[int | None, Parameter(alias="--steps-per-epoch")] = Field(
        None,
        ge=1,
        le=10**6,
        description="steps of the optimizer in an epoch; without it an epoch is one pass over the training part, which "
        "is little where frames are few",
    )
    batch_size: int = Field(1, ge=1, le=2**16, description="images per step, over all processes")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="optimizer; sgd has momentum 0.9")
    learning_rate: float = Field(2e-3, gt=0, description="highest learning rate")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay; decoupled for adamw")
    schedule: Literal["one-cycle", "step", "constant"] = Field(
        "one-cycle",
        description="course of the learning rate; step: a tenth after half of the steps, a hundredth after 3/4",
    )
    loss: Literal["cross-entropy+dice", "cross-entropy", "dice", "iou", "smooth-l1"] = Field(
        "cross-entropy+dice",
        description="training loss, over pixels that are not ignored; the target distance has smooth-l1 alone",
    )
    augment: Literal["none", "turns", "full", "crop", "resized-crop"] = Field(
        "full",
        description="random changes of training images; turns: flips and quarter turns; full: also mild changes of "
        "scale, brightness, contrast and shape; crop (classification): moved by up to 4 px and mirrored; resized-crop "
        "(classification): a part of 8 to 100 % of the area, brought to data.size, and mirrored",
    )
    evaluate_every: int = Field(
        5, ge=1, le=10**6, description="epochs between evaluations; the last is always evaluated"
    )
    precision: Annotated[Literal["auto", "fp32", "bf16"], Parameter(alias="--precision")] = Field(
        "auto", description="number format of training steps; auto is fp32 on a CPU, bf16 on a GPU that has it"
    )

    teacher: Annotated[Path | None, Parameter(alias="--teacher")] = Field(
        None,
        description="run, or model file, of a trained network whose maps are learned beside the truth (distillation), "
        "also on frames that nobody annotated",
    )
    teacher_sha256: Annotated[str | None, Parameter(show=False)] = Field(None, description="its content, filled in")
    teacher_weight: float = Field(
        1.0, gt=0, le=1e6, description="with a teacher: weight of its loss beside the loss of the truth"
    )
    teacher_temperature: float = Field(
        2.0,
        gt=0,
        le=1e3,
        description="with a teacher: what both networks' outputs are divided by before they are compared; the target "
        "distance has no use for it",
    )

    init: Annotated[Path | None, Parameter(alias="--init")] = Field(
        None, description="file of 'cellprune pretrain' whose weights pruning and training start from"
    )
    init_sha256: Annotated[str | None, Parameter(show=False)] = Field(None, description="its content, filled in")

    @property
    def is_taught(self) -> bool:
        """Whether a teacher's maps are learned beside the truth."""
        return self.teacher is not None

    @property
    def untaught(self) -> "Training":
        """The same training without a teacher."""
        usual = {key: field.default for key, field in type(self).model_fields.items() if key.startswith("teacher")}
        return self.model_copy(update=usual)

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        unused = {"steps_per_epoch"} if self.steps_per_epoch is None else set()
        if self.teacher is None:
            unused |= {key for key in type(self).model_fields if key.startswith("teacher")}
        if self.init is None:
            unused |= {"init", "init_sha256"}
        return {key: value for key, value in handler(self).items() if key not in unused}
