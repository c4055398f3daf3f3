"""What every section of the settings is made of: a frozen value, names from tables, ratios and plain numbers."""

from collections.abc import Mapping
from typing import Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationInfo,
)

from cellprune.config import names, own
from cellprune.config.shares import fault_of_removed
from cellprune.errors import unknown
from cellprune.wording import quoted


class Frozen(BaseModel):
    """A value: complete, unchangeable, with no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Values = dict[str, Any]  # keys and plain values, sections within, as YAML and JSON hold them
MOST_SEED = 2**63 - 1  # as torch takes them


def named(kind: str, table: Mapping[str, object], *extra: str) -> AfterValidator:
    """Accept the names of a table only, or FILE.py:NAME of a kind of which users may have their own.

    A typo is answered with the nearest names.
    """

    def check(name: str) -> str:
        if kind in names.OWN and (own.is_own(name) or name.endswith(".py")):
            if own.is_own(name):
                return name
            raise ValueError(f"{quoted(name)} is a file: name what it gives, too, as {name}:NAME")
        if names.row(table, name) is None and name not in extra:
            raise ValueError(unknown(kind, name, table))
        return name

    return AfterValidator(check)


def ratio_of(value: object, info: ValidationInfo) -> float:
    """Turn `ladder:N` into 1 - 0.8^N, the published ladder, and see a percentage for what it is."""
    if isinstance(value, str) and value.startswith("ladder:"):
        step = value.removeprefix("ladder:")
        if not step.isdecimal() or len(step) > 3 or (removed := 1 - 0.8 ** int(step)) >= 1:
            raise ValueError(f"{value!r} is no step of the ladder: write ladder:9 for 1 - 0.8^9")
        return removed
    number = number_of(value, info)
    if number is None:
        raise ValueError(f"{quoted(value)} is no ratio: give the share of weights to remove, such as 0.97")
    if fault := fault_of_removed("ratio", value, number):
        raise ValueError(fault)
    return number


def number_of(value: object, info: ValidationInfo) -> float | None:
    """Give a number as it is written, else None; in YAML, which knows kinds, neither text nor a truth value is one."""
    if isinstance(value, bool) or (info.mode == "json" and isinstance(value, str)):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
