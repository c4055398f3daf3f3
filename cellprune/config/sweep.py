"""What `sweep` is asked: the axes of its table. A plan file has them as its section `sweep`."""

from collections.abc import Sequence
from typing import Annotated, TypeVar, get_args

from cyclopts import Parameter
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from cellprune.config import names
from cellprune.config.base import MOST_SEED, Frozen, Values, named, ratio_of
from cellprune.config.load import SWEEP, File, faults
from cellprune.config.pruning import Pruning, budget_of
from cellprune.config.resolve import ConfigError
from cellprune.errors import unknown
from cellprune.wording import many, quoted, reason

TAUGHT = "teacher"  # the control that is the same network, trained with the teacher that the settings name
CONTROLS = (*(name for name in get_args(Pruning.model_fields["control"].annotation) if name != "none"), TAUGHT)
_MOST_SEEDS = 1000
_Value = TypeVar("_Value")


def _once(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
    return tuple(dict.fromkeys(values))


def _seeds(value: object) -> tuple[int, ...]:
    """Give the seeds of a range such as 0:5, which ends before 5, or of a list of seeds and ranges."""
    parts = value if isinstance(value, list | tuple) else [value]
    seeds = tuple(seed for part in parts for seed in _seeds_in(part))
    if not 1 <= len(seeds) <= _MOST_SEEDS:
        raise ValueError(f"{quoted(value)} names {many(len(seeds), 'seed')}: give 1 to {_MOST_SEEDS}, such as 0:5")
    return seeds


def _seeds_in(part: object) -> Sequence[int]:
    first, colon, end = str(part).partition(":")
    numbers = [first, end] if colon else [first]
    if isinstance(part, bool) or not all(number.isdecimal() and int(number) <= MOST_SEED for number in numbers):
        raise ValueError(f"{quoted(part)} is no seed and no range of seeds: write 3, or 0:5 for the seeds 0 to 4")
    if not colon:
        return [int(first)]
    return range(int(first), min(int(end), int(first) + _MOST_SEEDS + 1))


def _control(name: str) -> str:
    if name not in CONTROLS:
        raise ValueError(unknown("control", name, CONTROLS))
    return name


_Method = Annotated[str, named("pruning method", names.METHODS, "dense")]
_Model = Annotated[str, named("model", names.MODELS)]
_Target = Annotated[str, named("target", names.TARGETS)]
_Ratio = Annotated[float, BeforeValidator(ratio_of), Field(gt=0)]
_Budget = Annotated[str, BeforeValidator(budget_of)]
_Control = Annotated[str, AfterValidator(_control)]
_MANY = Parameter(consume_multiple=True, negative="")


class Sweep(Frozen):
    """The axes of a sweep: every combination is trained with every seed, and the dense network once a seed."""

    methods: Annotated[tuple[_Method, ...], _MANY, AfterValidator(_once)] = Field(
        (), description="pruning methods and dense families; without it the method of the settings"
    )
    ratios: Annotated[tuple[_Ratio, ...], _MANY, AfterValidator(_once)] = Field(
        (), description="shares of prunable weights (or channels) to remove, such as 0.9 0.95 or ladder:9"
    )
    budgets: Annotated[tuple[_Budget, ...], _MANY, AfterValidator(_once)] = Field(
        (), description="instead of the ratios: UNIT=KEPT each, the share to keep, such as macs=0.1"
    )
    seeds: Annotated[tuple[int, ...], _MANY, BeforeValidator(_seeds), AfterValidator(_once)] = Field(
        (0, 1, 2), description="seeds, or ranges that end before their second number: 0:5 is 0 1 2 3 4"
    )
    controls: Annotated[tuple[_Control, ...], _MANY, AfterValidator(_once)] = Field(
        (),
        description=f"of each method that has them: {', '.join(CONTROLS)} (with --teacher; all else is then trained "
        "without)",
    )
    models: Annotated[tuple[_Model, ...], _MANY, AfterValidator(_once)] = Field(
        (), description="networks; without it the network of the settings"
    )
    targets: Annotated[tuple[_Target, ...], _MANY, AfterValidator(_once)] = Field(
        (), description="what is learned of cells; without it the target of the settings"
    )

    @model_validator(mode="after")
    def _one_kind_of_amount(self) -> "Sweep":
        if self.ratios and self.budgets:
            raise ValueError("ratios (--ratios) and budgets (--budgets) both say how much goes: give one of them")
        return self


def asked(flags: Sweep, file: File | None = None) -> Sweep:
    """Give the axes that the flags and a plan's section `sweep` name together; a flag wins.

    Args:
        flags: of which only those given explicitly count.
        file: the plan.
    Raises:
        ConfigError: an unknown key, or a value that cannot be; all are named.
    """
    if file is None:
        return flags
    section, place = file.values.get(SWEEP), f"{file.path}, section {SWEEP}"
    values: Values = dict(section) if isinstance(section, dict) else {}
    if section is not None and not isinstance(section, dict):
        raise ConfigError(
            f"{file.path}: the section {SWEEP} holds {quoted(section)}: write lines such as 'methods: [snip]'"
        )
    for key in values.keys() - Sweep.model_fields.keys():
        raise ConfigError(unknown("axis", key, Sweep.model_fields, place))
    given = {name: getattr(flags, name) for name in flags.model_fields_set}
    if given.keys() & {"ratios", "budgets"}:
        values = {key: value for key, value in values.items() if key not in ("ratios", "budgets")}
    try:
        return Sweep.model_validate({key: _listed(key, value) for key, value in values.items()} | given)
    except ValidationError as error:
        raise ConfigError(f"{place}: {faults(error)}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{place}: {reason(error)}") from None


def _listed(key: str, value: object) -> object:
    """Take a single value for a list of one."""
    return value if key == "seeds" or isinstance(value, list) else [value]
