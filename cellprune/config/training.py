"""The section `training`: how the network is trained, pruned or not."""

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

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        unused = {"steps_per_epoch"} if self.steps_per_epoch is None else set()
        return {key: value for key, value in handler(self).items() if key not in unused}
