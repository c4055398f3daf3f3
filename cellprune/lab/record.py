"""prediction.json, and where it and its table lie: in the folder of a prediction, or one of each for every shard.

prediction.json, cells.csv                   of a whole prediction, and of shards that are merged
shards/2-of-4/prediction.json, cells.csv     of a shard: it alone writes there
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.files.listing import names
from cellprune.machine.shard import Shard
from cellprune.runs import documents

RECORD, TABLE, SHARDS = "prediction.json", "cells.csv", "shards"
SCHEMA = 1
_SHARD = re.compile(r"([1-9]\d{0,8})-of-([1-9]\d{0,8})")


def folder_of(path: Path, shard: Shard | None) -> Path:
    """Give where the record and the table of a prediction, or of one of its shards, lie."""
    return path if shard is None else path / SHARDS / f"{shard.number}-of-{shard.count}"


def shards_in(path: Path) -> list[Shard]:
    """Give the shards that began to work in a folder, in their order."""
    named = (_SHARD.fullmatch(name) for name in names(path / SHARDS))
    return sorted((Shard(int(m[1]), int(m[2])) for m in named if m), key=lambda shard: (shard.count, shard.number))


def are_shards(path: Path) -> bool:
    """Tell whether nothing but shards has written into a folder of that name."""
    return all(_SHARD.fullmatch(name) for name in names(path))


def settings_in(folder: Path) -> dict[str, object] | None:
    """Give the settings of the record in a folder; None without a record.

    Raises:
        CellpruneError: the record is damaged.
    """
    if not (folder / RECORD).exists():
        return None
    settings = documents.read_json(folder / RECORD).get("settings")
    return settings if isinstance(settings, dict) else {}


def differing(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Name the settings in which two predictions differ, as a user gives them."""
    return sorted(
        key if key == "model" else f"--{key.replace('_', '-')}"
        for key in {*before, *now}
        if before.get(key) != json.loads(json.dumps(now.get(key)))
    )


def require_same_shards(path: Path, shard: Shard | None) -> None:
    """Refuse a folder whose images are shared out in another way than they would be now.

    Raises:
        CellpruneError: says what to give.
    """
    counts = {there.count for there in shards_in(path)}
    if shard is None and counts:
        raise CellpruneError(
            f"{path} was predicted in {max(counts)} shards: give one as --shard, such as --shard 1/{max(counts)}, or "
            "another -o"
        )
    if shard is not None and counts - {shard.count}:
        raise CellpruneError(
            f"{path} was predicted in {max(counts)} shards, not in {shard.count}: give --shard I/{max(counts)}, or "
            "another -o"
        )
    if shard is not None and not counts and (path / RECORD).exists():
        raise CellpruneError(f"{path} was predicted as a whole: give --shard 1/1, or another -o")
