"""What `reproduce` is asked: which rows and columns of a published table, and how much less than was published."""

from typing import Annotated

from cyclopts import Parameter
from pydantic import Field, model_validator

from cellprune.config.base import Frozen

USUAL_SEEDS = 3
_MANY = Parameter(consume_multiple=True, negative="")


class Reproduce(Frozen):
    """What of a published table is trained."""

    rows: Annotated[tuple[str, ...], _MANY] = Field((), description="names of rows; without it all of the table's")
    columns: Annotated[tuple[str, ...], _MANY] = Field(
        (), description="names of columns; without it all of the table's"
    )
    seeds: int = Field(
        USUAL_SEEDS, ge=1, le=1000, description="number of seeds, which are 0, 1, 2 and so on; fewer than 3 are called "
        "reduced"
    )  # fmt: skip
    epochs: int | None = Field(
        None, ge=1, le=10**6, description="epochs in place of the protocol's; fewer are called reduced"
    )
    epochs_scale: float | None = Field(
        None, gt=0, le=1000, description="the same as a share of the protocol's epochs, such as 0.1"
    )
    protocol: str | None = Field(
        None, description="file of configs/protocols by which all rows are trained; without it the table's first"
    )

    @model_validator(mode="after")
    def _one_length(self) -> "Reproduce":
        if self.epochs is not None and self.epochs_scale is not None:
            raise ValueError("--epochs and --epochs-scale both say how long a training is: give one of them")
        return self
