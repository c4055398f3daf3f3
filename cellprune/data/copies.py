"""Finds annotated images that are the same: one of them may be learned from, while the other is held out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from cellprune.wording import many

_REMOVE = "one may be learned from while the other is held out, so remove one of them"


@dataclass(frozen=True)
class Annotated:
    """An image that a human annotated, by its content.

    Attributes:
        name: the frame's, unique in its data set.
        image: `digest` of its pixels, however the file has packed them.
        labels: `digest` of its labels.
    """

    name: str
    image: bytes
    labels: bytes


def digest(pixels: NDArray) -> bytes:
    """Give 32 bytes that are the same for the same pixels of the same shape and type."""
    hashed = sha256(f"{pixels.shape} {pixels.dtype}".encode())
    hashed.update(np.ascontiguousarray(pixels).data)
    return hashed.digest()


def copies(annotated: Iterable[Annotated]) -> list[str]:
    """Say which images are there more than once: one sentence where their labels are the same, one where not."""
    first: dict[bytes, Annotated] = {}
    pairs: dict[str, list[str]] = {"the same": [], "different": []}
    for one in annotated:
        earlier = first.setdefault(one.image, one)
        if earlier is not one:
            labels = "the same" if earlier.labels == one.labels else "different"
            pairs[labels].append(f"{earlier.name} and {one.name} are the same image with {labels} labels")
    return [f"{named[0]}{_and_more(named)}: {_REMOVE}" for named in pairs.values() if named]


def _and_more(pairs: Sequence[str]) -> str:
    return f" (and {many(len(pairs) - 1, 'more pair')})" if len(pairs) > 1 else ""
