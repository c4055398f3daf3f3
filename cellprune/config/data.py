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

from cellprune.config import names, own
from cellprune.config.base import MOST_SEED, Frozen, Values, named
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
        "simulated",
        description="name of a card (PhC-C2DH-U373, cifar10, ...), a folder, written with a separator, or FILE.py:NAME "
        "of your own, which gives images",
    )
    source_sha256: Annotated[str | None, Parameter(show=False)] = Field(
        None, description="content of FILE.py of your own, which gives images, filled in"
    )
    truth: Annotated[Literal["paper", "ignore", "complete", "silver"], Parameter(alias="--truth")] = Field(
        "ignore",
        description="how to treat a tracked cell that nobody outlined: paper = background, ignore = unknown (not "
        "learned, not scored), complete = skip the frame, silver = use the computed outline",
    )
    ignore_border: Annotated[bool, Parameter(alias="--ignore-border")] = Field(
        False, description="treat background in the outer band (outside the field of interest) as unknown, too"
    )
    split: Annotated[Literal["random", "sequence", "block"], Parameter(alias="--split")] = Field(
        "random",
        description="which frames are held out: random ones, a block of time, or the whole last sequence (the hardest "
        "question)",
    )
    holdout: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="share of the annotated frames (classification: of the training images) held out, rounded down",
    )
    classes: Annotated[tuple[str, ...], Parameter(consume_multiple=True), AfterValidator(_classes)] = Field(
        ("background", "cell"),
        description="names of the classes; two: label images number the cells; more: label values are classes, from 0 "
        "in this order, and 255 is unknown",
    )
    target: Annotated[str, named("target", names.TARGETS), Parameter(alias="--target")] = Field(
        "border",
        description="what is learned of each pixel: classes = its class; border = whether it is inside a cell, or "
        "between two that touch; distance = how far it is from the cell's edge, and how near to the next cell",
    )
    split_seed: Annotated[int, Parameter(alias="--split-seed")] = Field(
        0, ge=0, le=MOST_SEED, description="seed of the split; changes nothing else"
    )
    size: Annotated[tuple[int, int], AfterValidator(_size)] = Field(
        (256, 256),
        description="height and width, px, to which every training frame is resized (without size: frames of a folder "
        "of your own keep their aspect, at about as many pixels); with a crop: into which the frame of middle size is "
        "fitted, its aspect kept, and all others are zoomed alike (without size: not at all); classification: to which "
        "each image is brought and cut (without size: images keep their own, equal, one)",
    )
    crop: Annotated[int | None, Parameter(alias="--crop")] = Field(
        None,
        ge=16,
        le=4096,
        description="side, px, of random square crops to learn from, in place of whole frames resized: frames of any "
        "size keep their scale",
    )
    normalization: Literal["robust", "standard", "percentile"] = Field(
        "robust",
        description="which grey levels set the scale of an image: robust = all but the rarest, so that a hot pixel "
        "changes nothing; standard = all of them, as published; percentile = two, near the darkest and the brightest, "
        "so that few bright cells keep their shades",
    )
    select: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the training part set apart to choose settings by; such a run is scored only there",
    )
    fold: Annotated[tuple[int, int] | None, AfterValidator(_fold)] = Field(
        None, description="(k, K): hold out fold k (from 0) of K folds of all annotated frames, instead of a share"
    )

    @property
    def is_own(self) -> bool:
        """Whether they come of the user's own code, named as FILE.py:NAME."""
        return own.is_own(self.dataset)

    def with_code_told(self) -> "Data":
        """Fill in the content of the user's own code, where it is not said yet.

        Raises:
            CellpruneError: its file cannot be read.
        """
        if self.source_sha256 is not None or not self.is_own:
            return self
        return self.model_copy(update={"source_sha256": own.sha256(self.dataset)})

    @property
    def network_size(self) -> tuple[int, int]:
        """Height and width, px, of the images that the network learns from."""
        return (self.crop, self.crop) if self.crop else self.size

    @property
    def given_size(self) -> tuple[int, int] | None:
        """Height and width, px, that images of one class each are brought to; None where they keep their own."""
        return self.size if "size" in self.model_fields_set else None

    @property
    def fits(self) -> tuple[int, int] | None:
        """Height and width, px, that the frame of middle size is brought to; None where frames keep their own."""
        return None if self.crop and "size" not in self.model_fields_set else self.size

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> Values:
        """Leave out what an ordinary run never reads, so that it neither clutters a file nor moves the hash."""
        foreign = {"holdout" if self.fold else "fold", *(() if self.select else ("select",))}
        foreign |= set() if self.is_own else {"source_sha256"}
        usual = type(self).model_fields
        foreign |= {key for key in ("classes", "crop") if getattr(self, key) == usual[key].default}
        if self.crop and self.fits is None:
            foreign.add("size")
        return {key: value for key, value in handler(self).items() if key not in foreign}
