"""Random draws that are the same on every machine and with every library: numbers from a hash of what they are for."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


def stable_hash(*parts: int | str) -> int:
    """Give a 64-bit number that depends on the parts alone."""
    words = "\0".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")


def shuffled(items: Iterable[_T], *seeds: int | str, key: Callable[[_T], int | str]) -> list[_T]:
    """Order items at random: by the hash of the seeds and each item's key, whatever order they came in."""
    return sorted(items, key=lambda item: stable_hash(*seeds, key(item)))
