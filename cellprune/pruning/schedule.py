"""How many weights each round of a method keeps. One shot is all that methods before training need so far."""

from collections.abc import Callable

Schedule = Callable[[int, int], list[int]]


def one_shot(n_prunable: int, keep: int) -> list[int]:
    """Reach the final count in a single round."""
    return [keep]
