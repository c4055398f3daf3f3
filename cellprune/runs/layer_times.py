"""Milliseconds of single layers in an engine on a machine: what a budget in latency is decided by.

A run has those that its network can ask for; the user's cache has all that were measured here, one file for each
engine, version, processor and number of threads.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cellprune.runs import documents

Time = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class TimedIn:
    """What networks and layers are timed in, in float32.

    Attributes:
        engine: a row of the engines' table.
        version: of its library.
        processor: that computes; of torch on a GPU, the GPU.
        threads: that work at a pass.
    """

    engine: str
    version: str
    processor: str
    threads: int


@dataclass(frozen=True, kw_only=True)
class LayerTimes:
    """The content of layer_times.json.

    Attributes:
        timed_in: where the times hold.
        milliseconds: what a layer computes, in words, as `LayerShape.key` has it -> time for one image.
    """

    timed_in: TimedIn
    milliseconds: Mapping[str, Time]


def write(path: Path, times: LayerTimes) -> None:
    """Write layer_times.json, whole or not at all."""
    documents.write_json(path, documents.plain(times))


def read(path: Path) -> LayerTimes:
    """Read a layer_times.json; CellpruneError where it is absent or damaged."""
    return documents.checked(path, LayerTimes, documents.read_json(path))


def digest(times: LayerTimes) -> str:
    """Hash the content (hex, sha256)."""
    return hashlib.sha256(json.dumps(documents.plain(times), sort_keys=True).encode()).hexdigest()


def file_name(timed_in: TimedIn) -> str:
    """Name the file of the user's cache that holds these times."""
    digest = hashlib.sha256(json.dumps(documents.plain(timed_in)).encode()).hexdigest()
    return f"layers-{timed_in.engine}-{digest[:16]}.json"
