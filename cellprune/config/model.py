"""The section `model`: the network, before pruning."""

from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import (
    Field,
    model_serializer,
)

from cellprune.config import names
from cellprune.config.base import Frozen, named


class Model(Frozen):
    """The network, before pruning. Each network has some of these settings; see `MODEL_SETTINGS`."""

    name: Annotated[str, Parameter(name=["--model.name", "--model"]), named("model", names.MODELS)] = Field(
        "unet", description=f"one of: {', '.join(names.MODELS)}"
    )
    width: Annotated[int, Parameter(name="--model.width")] = Field(
        16, ge=1, le=2**16, description="channels at the first level; they double at each level below"
    )
    depth: Annotated[int, Parameter(name="--model.depth")] = Field(4, ge=1, le=6, description="number of poolings")
    norm: Annotated[Literal["batch", "group", "instance", "none"], Parameter(name="--model.norm")] = Field(
        "batch", description="norm after each convolution"
    )
    padding: Annotated[Literal["same", "valid"], Parameter(name="--model.padding")] = Field(
        "same", description="padding of convolutions; valid is the unpadded network of the 2015 paper"
    )
    weights: Annotated[str | None, Parameter(name="--model.weights")] = Field(
        None, description="smp: pretrained weights to fetch for the encoder, such as imagenet; random without it"
    )

    def own(self) -> tuple[str, ...]:
        """Name the settings that this network has."""
        return MODEL_SETTINGS.get(names.row(names.MODELS, self.name) or "", ())

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: Any) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key == "name" or key in self.own()}


MODEL_SETTINGS: dict[str, tuple[str, ...]] = {  # a network that is not here has none
    "unet": ("width", "depth", "norm", "padding"),
    "smp:ARCHITECTURE/ENCODER": ("weights",),
}
