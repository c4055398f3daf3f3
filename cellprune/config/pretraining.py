"""What `pretrain` is asked: how a network learns from images without their truth."""

from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from cellprune.config.base import Frozen
from cellprune.config.training import Training


class Pretraining(Frozen):
    """How a network learns from images without their truth."""

    method: Annotated[Literal["byol"], Parameter(name="--method")] = Field(
        "byol", description="byol: two views of an image shall give the same, one through an average of older weights"
    )
    epochs: Annotated[int, Parameter(name="--epochs")] = Field(50, ge=1, le=10**6, description="passes over the images")
    batch_size: Annotated[int, Parameter(name="--batch-size")] = Field(
        16, ge=2, le=2**16, description="images in each step, two views of each"
    )
    learning_rate: Annotated[float, Parameter(name="--learning-rate")] = Field(
        1e-3, gt=0, description="highest learning rate, of AdamW and one cycle"
    )
    momentum: Annotated[float, Parameter(name="--momentum")] = Field(
        0.99, ge=0, lt=1, description="share of the older weights in the average at the first step; rises to 1"
    )

    @property
    def training(self) -> Training:
        """The same as settings of the training loop, which has nothing to score between its ends."""
        return Training(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            evaluate_every=self.epochs,
        )
