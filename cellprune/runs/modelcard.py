"""What a model file's header says of the images it takes and the maps it gives, checked key by key.

The header may come from anywhere, so nothing in it is believed: a missing, absurd or misspelt value is one clear line.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cellprune.config import names
from cellprune.config.base import named
from cellprune.config.decoding import Decoding
from cellprune.errors import CellpruneError
from cellprune.runs.linking import Linking
from cellprune.targets.decoders import CellSize, Decoder, decoder_of, with_numbers

_Factor = Annotated[float, Field(gt=0.001, lt=1000, allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=2**16)]
_Percentile = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    """A frozen value; keys that a later version may add are not ours to judge."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class ReceptiveField(_Part):
    """How far an output pixel looks.

    Attributes:
        stride_px: a shift of the image by a multiple of it shifts the output alike.
        radius_px: an output pixel depends on nothing further than this outside its own cell of a grid of `stride_px`.
    """

    radius_px: Annotated[int, Field(ge=0, le=2**16)]
    stride_px: Annotated[int, Field(ge=1, le=2**10)]


class InputSizes(_Part):
    """The sizes along one axis that a bare network takes; called with a size of its maps, it gives the one to bring.

    Attributes:
        stride_px, remainder_px: the sizes are `remainder_px` and a multiple of `stride_px`.
        lost_px: the maps are so much smaller than the input.
        least_px: the smallest of the sizes.
    """

    stride_px: Annotated[int, Field(ge=1, le=2**20)]
    remainder_px: Annotated[int, Field(ge=0, lt=2**20)] = 0
    lost_px: Annotated[int, Field(ge=0, le=2**20)] = 0
    least_px: Annotated[int, Field(ge=1, le=2**21)] = 1

    def __call__(self, output_size: int) -> int:
        """Give the smallest input, in pixels, whose maps cover `output_size` pixels."""
        least = max(output_size + self.lost_px, self.least_px)
        return least + (self.remainder_px - least) % self.stride_px

    @classmethod
    def of(cls, input_size: Callable[[int], int]) -> "InputSizes | None":
        """Find by asking what a network's own function does; None where it is no such rule."""
        asked = 2**10
        while True:
            sizes = [input_size(n) for n in range(1, asked + 1)]
            steps = sorted(set(sizes))
            if len(steps) > 3:
                break
            if (asked := 2 * asked) > 2**18:
                return None
        stride, lost = steps[-1] - steps[-2], min(size - n for n, size in enumerate(sizes, start=1))
        rule = cls(stride_px=stride, remainder_px=steps[-1] % stride, lost_px=lost, least_px=steps[0])
        return rule if all(rule(n) == size for n, size in enumerate(sizes, start=1)) else None


class Normalization(_Part):
    """How grey levels become the network's numbers; `images.network_input` does it.

    Attributes:
        name: what is done.
        percentiles: of each channel's native grey levels, the two that set the scale; what is rarer does not move it.
        limit: what lies further from 0 becomes this far from it.
        fault: one or two neighbouring pixels that lie so many times the percentiles' distance beyond them are taken
            for a fault of the camera and get the median of the pixels around.
    """

    name: Literal[
        "zero-mean-unit-variance",
        "zero-mean-unit-variance-within-percentiles",
        "zero-median-four-between-percentiles",
    ]
    percentiles: Annotated[tuple[_Percentile, _Percentile], Field(strict=False)] = (1.0, 99.8)
    limit: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 5.0
    fault: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 2.0

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError("the percentiles do not rise")
        return self

    def header(self) -> dict[str, object]:
        """Give what the model file says of it; numbers that it does not use are left out."""
        if self.name == "zero-mean-unit-variance":
            return {"name": self.name, "per": "image", "when": "after resizing"}
        return {
            "name": self.name,
            "per": "channel of the image",
            "when": "before resizing",
            "percentiles": list(self.percentiles),
            "limit": self.limit,
            "fault": self.fault,
        }


class _Architecture(_Part):
    in_channels: Annotated[int, Field(ge=1, le=2**10)] = 1
    classes: int | None = None


class ModelCard(_Part):
    """What predicting needs to know of a network.

    Attributes:
        architecture: of which the number of the image's channels counts here.
        classes: names by index; the first is the background.
        zoom: (y, x) network pixels for one native pixel, as in training.
        pixel_size_um: (y, x) of a native pixel in training; None when it was unknown.
        network_size_px: height and width of the images that it learned from.
        receptive_field: None when it has no bound or nobody measured it.
        bytes_per_pixel: memory at work for each pixel that the network takes in; None when nobody measured it.
        input_sizes: for engines that run the bare network, which no longer tells them itself.
        precision: of the numbers that the file computes in.
        target: what the maps mean.
        cells: how large the training cells were; None when an older version made the file.
        decoder: how maps become cells; None when an older version made the file.
        linking: how its cells are linked through time; None where nobody chose.
        parameters: of the network, zeros included; None when nobody counted them.
        macs_per_pixel: multiply-adds for each pixel of an image, zeros included; likewise.
    """

    architecture: _Architecture = _Architecture()
    classes: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=255, strict=False)]
    decision_rule: Literal["argmax", "decoder"] = "argmax"
    normalization: Normalization = Normalization(name="zero-mean-unit-variance")
    zoom: Annotated[tuple[_Factor, _Factor], Field(strict=False)]
    pixel_size_um: Annotated[tuple[_Factor, _Factor] | None, Field(strict=False)] = None
    network_size_px: Annotated[tuple[_Side, _Side], Field(strict=False)] = (256, 256)
    receptive_field: ReceptiveField | None = None
    bytes_per_pixel: Annotated[float | None, Field(gt=0, lt=1e9, allow_inf_nan=False)] = None
    input_sizes: InputSizes | None = None
    precision: Literal["fp32", "int8"] = "fp32"
    target: Annotated[str, named("target", names.TARGETS)] = "classes"
    cells: CellSize | None = None
    decoder: Annotated[Decoder, Field(discriminator="name")] | None = None
    linking: Linking | None = None
    parameters: Annotated[int | None, Field(ge=0)] = None
    macs_per_pixel: Annotated[float | None, Field(ge=0, lt=1e15, allow_inf_nan=False)] = None

    @model_validator(mode="after")
    def _as_many_names_as_maps(self) -> Self:
        if self.architecture.classes not in (None, self.n_maps):
            said = "classes have names" if self.target == "classes" else f"maps belong to target {self.target}"
            raise ValueError(f"{self.n_maps} {said}, the network gives {self.architecture.classes}")
        return self

    @model_validator(mode="after")
    def _fed_decoder(self) -> Self:
        if self.decoder is not None:
            self._require(self.decoder.name)
        return self

    @property
    def n_maps(self) -> int:
        """How many maps the network gives."""
        return len(names.TARGETS[self.target].maps or self.classes)

    @property
    def gives_probabilities(self) -> bool:
        """Whether the maps are probabilities that add up to one."""
        return names.TARGETS[self.target].probabilities

    @property
    def usual_decoder(self) -> Decoder:
        """How maps become cells: as the file says; as ever where it says nothing."""
        if self.decoder is not None:
            return self.decoder
        return decoder_of("components" if self.target == "classes" else self.target, self.cells)

    def decoder_by(self, asked: Decoding) -> Decoder:
        """Give the model's own decoder, but for what is asked for.

        Raises:
            CellpruneError: the maps cannot feed the decoder, or it has not such a number.
        """
        name = asked.name or self.usual_decoder.name
        try:
            self._require(name)
        except ValueError as error:
            raise CellpruneError(f"--decoder {name}: {error}") from None
        if foreign := asked.foreign(name):
            raise CellpruneError(foreign)
        if name == self.usual_decoder.name:
            return with_numbers(self.usual_decoder, asked.numbers)
        return decoder_of(name, self.cells, asked.numbers)

    def decoded_by(self, decoder: Decoder) -> "ModelCard":
        """Give the same card with another decoder."""
        return self.model_copy(update={"decoder": decoder})

    def with_cells(self, cells: CellSize | None) -> "ModelCard":
        """Give the card of a network that learned from cells of this size, with the decoder that follows."""
        numbered = len(self.classes) == 2 and cells is not None  # else labels are classes, and no cell has a size
        name = names.TARGETS[self.target].decoders[0 if numbered else -1]
        return self.model_copy(update={"cells": cells if numbered else None, "decoder": decoder_of(name, cells)})

    def decoding(self) -> dict[str, object]:
        """Give what the model file says of the target and how its maps become cells, as JSON values."""
        return self.model_dump(mode="json", include={"target", "cells", "decoder"})

    def _require(self, decoder: str) -> None:
        able = names.decoders(self.target, len(self.classes))
        if decoder not in able:
            found_by = " or ".join(able)
            raise ValueError(f"this model was trained with --target {self.target}, whose cells are found by {found_by}")

    @property
    def in_channels(self) -> int:
        """How many channels an image must have."""
        return self.architecture.in_channels


def read_card(header: Mapping[str, object], model: object) -> ModelCard:
    """Check the header of a model file.

    Args:
        header: what `runs.modelfile.read` gives.
        model: whose it is, for the message.

    Raises:
        CellpruneError: the network gives no maps, or keys are missing or their values make no sense; all are
            named in one line.
    """
    if header.get("output") == "class":
        raise CellpruneError(
            f"{model} gives a class for a whole image, no map of cells: predicting takes a network for segmentation"
        )
    try:
        return ModelCard.model_validate(dict(header))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'header'}: {e['msg'].lower()}" for e in error.errors()[:4]
        )
        raise CellpruneError(f"{model} cannot be used for predicting ({faults}): make the model file again") from error
