"""The section `model`: the network, before pruning."""

from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from cellprune.config import names, own
from cellprune.config.base import Frozen, Values, named


class Model(Frozen):
    """The network, before pruning. Each network has some of these settings; see `MODEL_SETTINGS`."""

    name: Annotated[str, Parameter(name=["--model.name", "--model"]), named("model", names.MODELS)] = Field(
        "unet", description=f"one of: {', '.join(names.MODELS)}; or FILE.py:NAME, a network of your own"
    )
    width: Annotated[int, Parameter(name="--model.width")] = Field(
        16, ge=1, le=2**16, description="channels at the first level; they double at each level below"
    )
    depth: Annotated[int, Parameter(name="--model.depth")] = Field(4, ge=1, le=6, description="number of poolings")
    widths: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**16)], ...] | None,
        Parameter(name="--model.widths", consume_multiple=True, negative=""),
    ] = Field(
        None,
        description="channels at each level, from the image down, in place of the width: one number more than depth",
    )
    norm: Annotated[Literal["batch", "group", "instance", "none"], Parameter(name="--model.norm")] = Field(
        "batch", description="norm after each convolution"
    )
    padding: Annotated[Literal["same", "valid"], Parameter(name="--model.padding")] = Field(
        "same", description="padding of convolutions; valid is the unpadded network of the 2015 paper"
    )
    stem: Annotated[Literal["small", "large"], Parameter(name="--model.stem")] = Field(
        "small",
        description="networks for whole images: small = the form for images of 32 to 64 px; large = the published one, "
        "for some 224 px (ResNet begins with 7x7 and a pooling, VGG ends with three linear layers)",
    )
    weights: Annotated[str | None, Parameter(name="--model.weights")] = Field(
        None, description="smp: pretrained weights to fetch for the encoder, such as imagenet; random without it"
    )

    source_sha256: Annotated[str | None, Parameter(show=False)] = Field(
        None, description="content of FILE.py of a network of your own, filled in"
    )

    @property
    def is_own(self) -> bool:
        """Whether it is a network of the user's own, named as FILE.py:NAME."""
        return own.is_own(self.name)

    def with_code_told(self) -> "Model":
        """Fill in the content of a network of the user's own, where it is not said yet.

        Raises:
            CellpruneError: its file cannot be read.
        """
        if self.source_sha256 is not None or not self.is_own:
            return self
        return self.model_copy(update={"source_sha256": own.sha256(self.name)})

    def own(self) -> tuple[str, ...]:
        """Name the settings that this network has."""
        return MODEL_SETTINGS.get(names.row(names.MODELS, self.name) or "", ())

    @model_validator(mode="after")
    def _one_width(self) -> "Model":
        if self.widths is not None and "width" in self.model_fields_set:
            raise ValueError(
                "width (--model.width) and widths (--model.widths) both say how wide it is: give one of them"
            )
        return self

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> Values:
        unused = {"widths" if self.widths is None else "width"}
        if "stem" not in self.model_fields_set:  # which older files do not have
            unused.add("stem")
        of_code = {"name", "source_sha256"} if self.is_own else {"name"}
        return {k: v for k, v in handler(self).items() if k in of_code or (k in self.own() and k not in unused)}


MODEL_SETTINGS: dict[str, tuple[str, ...]] = {  # a network that is not here has none
    "unet": ("width", "depth", "widths", "norm", "padding"),
    "smp:ARCHITECTURE/ENCODER": ("weights",),
    **dict.fromkeys(("resnet18", "resnet50", "vgg16", "vgg19"), ("stem",)),
}


WIDTHS = {"width", "widths"}  # of which one says how wide a network is
