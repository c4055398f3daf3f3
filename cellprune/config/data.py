"""The section `data`: which frames, which truth, which part is held out."""

import re
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from cellprune.config.base import MOST_SEED, Frozen, Values
from cellprune.wording import quoted


def _classes(names: tuple[str, ...]) -> tuple[str, ...]:
    if not 2 <= len(names) <= 255 or len(set(names)) < len(names):
        raise ValueError(f"{len(names)} names, {len(set(names))} of them different: give 2 to 255, background first")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ValueError(f"{quoted(name)} is no class's name: take letters, digits, - and _")
    return names


def _size(size: tuple[int, int]) -> tuple[int, int]:
    if not all(1 <= side <= 2**15 for side in size):
        raise ValueError(f"{size[0]} x {size[1]} px is no size: give height and width, each from 1 to {2**15} px")
    return size


def _fold(fold: tuple[int, int] | None) -> tuple[int, int] | None:
    if fold is not None and not 0 <= fold[0] < fold[1] >= 2:
        raise ValueError(f"there is no fold {fold[0]} of {fold[1]}: take 2 folds or more, counted from 0")
    return fold


class Data(Frozen):
    """Which frames, which truth, which part is held out."""

    dataset: Annotated[str, Parameter(alias="--dataset")] = Field(
        "simulated", description="a card's name (PhC-C2DH-U373, simulated, ...) or a folder, with a separator"
    )
    truth: Annotated[Literal["paper", "ignore", "complete", "silver"], Parameter(alias="--truth")] = Field(
        "ignore", description="what a tracked cell without gold mask is: background (paper), unknown (ignore), ..."
    )
    ignore_border: Annotated[bool, Parameter(alias="--ignore-border")] = Field(
        False, description="background in the outer field-of-interest band is unknown, too"
    )
    split: Annotated[Literal["random", "sequence", "block"], Parameter(alias="--split")] = Field(
        "random", description="how frames are held out; sequence (the whole last one) is the harder, honest question"
    )
    holdout: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="share of the annotated frames (classification: of the training images) held out, rounded down",
    )
    classes: Annotated[tuple[str, ...], Parameter(consume_multiple=True), AfterValidator(_classes)] = Field(
        ("background", "cell"),
        description="two: labels number cells; more: label values are classes, from 0 in this order, 255 is unknown",
    )
    split_seed: Annotated[int, Parameter(alias="--split-seed")] = Field(
        0, ge=0, le=MOST_SEED, description="moves the split alone"
    )
    size: Annotated[tuple[int, int], AfterValidator(_size)] = Field(
        (256, 256), description="height and width, px, that every frame to learn from is resized to"
    )
    normalization: Literal["robust", "standard"] = Field(
        "robust",
        description="what sets the scale of an image's grey levels: all but the rarest, so that a hot pixel changes "
        "nothing (robust), or all of them (standard, as published)",
    )
    select: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the training part set apart to choose on: such a run is scored there alone",
    )
    fold: Annotated[tuple[int, int] | None, AfterValidator(_fold)] = Field(
        None, description="(k, K): hold out the k-th, from 0, of K folds of all annotated frames, instead of a share"
    )

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> Values:
        """Leave out what an ordinary run never reads, so that it neither clutters a file nor moves the hash."""
        foreign = {"holdout" if self.fold else "fold", *(() if self.select else ("select",))}
        foreign |= {"classes"} if self.classes == type(self).model_fields["classes"].default else set()
        return {key: value for key, value in handler(self).items() if key not in foreign}
