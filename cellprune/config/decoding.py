"""The section `decoder`: how the maps of a network become cells."""

from typing import Annotated

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cellprune.config import names
from cellprune.config.base import Frozen, named


class Decoding(Frozen):
    """How the network's maps become cells. Numbers are for native pixels of the training images."""

    tune: bool = Field(
        True,
        description="after the training, choose the numbers that are not given here: by SEG, on frames that the "
        "network learned from",
    )
    name: Annotated[str, named("decoder", names.DECODERS)] | None = Field(
        None,
        description="the decoder; only the target classes has a choice: watershed, which cuts cells that touch where "
        "they are narrow, or components, where all that is connected is one cell",
    )
    min_area_px: float | None = Field(
        None,
        ge=0,
        lt=1e9,
        description="smaller cells are dropped; if not given or tuned, a tenth of the median area of the training "
        "cells (components: none)",
    )
    radius_px: float | None = Field(
        None,
        gt=0,
        lt=1e6,
        description="watershed, border: radius of a usual cell; if not given, as the training cells have it",
    )
    depth: float | None = Field(
        None,
        ge=0,
        le=10,
        description="watershed, border: a neck is cut if both sides are wider than it by this share of the radius "
        "(watershed 0.1; border 0.15, of which 0 cuts nowhere)",
    )
    seed: float | None = Field(
        None,
        ge=0,
        le=1,
        description="border: probability of the inside above which a cell grows from a pixel (0.5); distance: the same "
        "of the distance less the nearness of a neighbour (0.45)",
    )
    foreground: float | None = Field(
        None,
        ge=0,
        le=1,
        description="border: probability of inside and border together above which a pixel belongs to a cell (0.5); "
        "distance: the same of the distance (0.07)",
    )
    smoothing_px: float | None = Field(
        None, ge=0, le=100, description="distance: deviation of the Gaussian on the map of distances (0.5)"
    )

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that are given."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in ("tune", "name")}
        return {name: number for name, number in given.items() if number is not None}

    def foreign(self, decoder: str) -> str | None:
        """Say which number is given that a decoder has not; None where it has all of them."""
        own = names.DECODERS[decoder]
        wrong = next((number for number in self.numbers if number not in own), None)
        return wrong and f"decoder.{wrong} is no number of the decoder {decoder}: give {' or '.join(own)}"

    @model_serializer(mode="wrap")
    def _only_what_is_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {key: value for key, value in handler(self).items() if value is not None}
