"""Random draws that are the same on every machine and with every library: numbers from a hash of what they are for."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")


def stable_hash(*parts: int | str) -> int:
    """Give a 64-bit number that depends on the parts alone."""
    words = "\0".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(words.encode(errors="surrogatepass")).digest()[:8], "big")


def shuffled(items: Iterable[_T], *seeds: int | str, key: Callable[[_T], int | str]) -> list[_T]:
    """Order items at random: by the hash of the seeds and each item's key, whatever order they came in."""
    return sorted(items, key=lambda item: stable_hash(*seeds, key(item)))


def numbers(indices: NDArray[np.int64], *seeds: int | str) -> NDArray[np.uint64]:
    """Give a 64-bit number for each index, which depends on it and the seeds alone; for many at once.

    Source: Steele, Lea, Flood 2014 (10.1145/2660193.2660195), SplitMix64.
    """
    mixed = np.uint64(stable_hash(*seeds)) + (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
