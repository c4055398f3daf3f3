"""What `search-max-ratio` is asked."""

from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    model_validator,
)

from cellprune.config.base import Frozen, number_of, ratio_of
from cellprune.wording import many, quoted


def _confidence(value: object, info: ValidationInfo) -> float:
    number = number_of(value, info)
    if number is None:
        raise ValueError(f"{quoted(value)} is no confidence: give a probability between 0.5 and 1, such as 0.95")
    if not 0.5 < number < 1:
        hint = f": did you mean {round(number / 100, 6):g}?" if 50 < number < 100 else ", such as 0.95"
        raise ValueError(f"{number:g} is no confidence: give a probability between 0.5 and 1{hint}")
    return number


def _margin(margin: float) -> float:
    if not 0 < margin < 0.5:
        raise ValueError(
            f"{margin:g} is no margin: give the largest loss that counts as no loss, above 0 and below 0.5, "
            "such as 0.005"
        )
    return margin


def _enough(seeds: int) -> int:
    if seeds < 3:
        raise ValueError(
            f"{many(seeds, 'seed')} decide nothing, because the spread between so few is unknown: give 3 or more"
        )
    return seeds


def _folds(folds: int) -> int:
    if folds == 1 or folds < 0:
        raise ValueError(f"{many(folds, 'fold')} cannot be: give 2 or more, or 0 for a single hold-out")
    return folds


USUAL: Literal["iou"] = "iou"  # score, that older searches do not name


class Search(Frozen):
    """The question of `search-max-ratio`: what its journal holds before the first training."""

    unit: Literal["weights", "params", "macs", "channels", "latency"] = Field(
        "weights",
        description="what is counted: a ratio is the removed share of it. With params, macs or channels whole channels "
        "are removed, unless --granularity weight is given; so they are with latency, the milliseconds in --engine",
    )
    score: Literal["iou", "seg", "ap50"] = Field(
        USUAL,
        description="what networks are compared by, image by image: iou, the overlap of the pixels (among classes of "
        "whole images their accuracy), or of the cells that are found: seg, SEG of the Cell Tracking Challenge, or "
        "ap50, average precision at an IoU of 0.5",
    )
    margin: Annotated[float, AfterValidator(_margin)] = Field(
        0.005, description="the largest loss of the score that counts as no loss; every score lies between 0 and 1"
    )
    confidence: Annotated[float, BeforeValidator(_confidence)] = Field(
        0.95, description="1 minus the probability of a false claim"
    )
    seeds: int = Field(
        3,
        ge=1,
        lt=500,
        description="trainings at each ratio while searching; twice as many where the result is not clear",
    )
    confirm_seeds: Annotated[int, AfterValidator(_enough)] = Field(
        5, lt=1000, description="trainings at each ratio that is tested; 3 or more"
    )
    cv: Annotated[int, AfterValidator(_folds)] = Field(
        0, description="folds of cross-validation: every annotated frame is held out once; 0: a single hold-out"
    )
    low: Annotated[float, BeforeValidator(ratio_of)] = Field(0.5, gt=0, description="the lowest ratio that is tried")
    high: Annotated[float, BeforeValidator(ratio_of)] = Field(
        0.999, gt=0, description="the highest ratio that is tried"
    )
    controls: Annotated[bool, Parameter(negative="")] = Field(
        False, description="also train the controls, which a pruned network must beat, at the found ratio"
    )

    @model_validator(mode="after")
    def _rising(self) -> "Search":
        if self.low > self.high:
            raise ValueError(f"--low {self.low:g} is not below --high {self.high:g}: exchange them")
        return self
