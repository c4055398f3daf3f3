"""Whole numbers as they are typed: 1.5 is a mistake, and not 2."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

from cellprune.wording import quoted


def _whole(_: object, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{quoted(tokens[0].value)} is no whole number: give one without a point") from None


Whole = Annotated[int, Parameter(converter=_whole)]
