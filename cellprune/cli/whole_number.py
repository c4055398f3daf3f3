"""Whole numbers as they are typed: 1.5 is a mistake, and not 2."""

import re
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

from cellprune.wording import quoted


def _whole(_: object, tokens: Sequence[Token]) -> int:
    typed = tokens[0].value
    if not re.fullmatch("-?[0-9]{1,20}", typed):  # `int` would take 1_0, too
        raise ValueError(f"{quoted(typed)} is no whole number: give one without a point")
    return int(typed)


WholeNumber = Annotated[int, Parameter(converter=_whole)]
