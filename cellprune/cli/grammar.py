"""What cyclopts has against the words of a command, in the words of all other refusals."""

from typing import Literal, get_args, get_origin

from cyclopts import CoercionError, CycloptsError, MissingArgumentError, RepeatArgumentError

from cellprune.errors import unknown
from cellprune.wording import shortened

_HELP_LIMIT = 200  # characters of what a parameter's help adds to a refusal


def said(error: CycloptsError) -> str:
    """Say what is wrong with the words, and what to give instead."""
    if isinstance(error, RepeatArgumentError) and error.token.keyword:
        return f"{error.token.keyword} is given twice: give it once"
    if isinstance(error, CoercionError) and error.token and get_origin(error.target_type) is Literal:
        choices = map(str, get_args(error.target_type))
        return unknown("choice", error.token.value, choices, error.token.keyword or "")
    if type(error) is MissingArgumentError and error.argument is not None and error.argument.token_count()[0] > 0:
        return _lacking(error)
    return shortened(" ".join(str(error).split()))


def _lacking(error: MissingArgumentError) -> str:
    """Say which value is missing, and what it means."""
    assert error.argument is not None
    n_needed = error.argument.token_count()[0]
    n_given = len(error.tokens_so_far) % n_needed
    takes = "a value" if n_needed == 1 else f"{n_needed} values"
    meaning = shortened(" ".join(str(error.argument.parameter.help or "").split()), _HELP_LIMIT)
    command = " ".join(error.command_chain or ())
    return (
        f"{error.keyword or error.argument.name} takes {takes}, and has {n_given or 'none'}: "
        f"{meaning or f'cellprune {command} --help says which'}"
    )
