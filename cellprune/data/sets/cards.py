"""Data set cards: what is known of a named set, one YAML file each in `datasets/`. Unknown is null, never a guess."""

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from cellprune.config import shipped, yaml12
from cellprune.errors import CellpruneError, unknown
from cellprune.files import reading

_MOST_BYTES = 2**16


class CardError(CellpruneError):
    """A data set's card that is missing or cannot be understood."""


class Card(BaseModel):
    """One data set: where it comes from, its physical scale, and whom to thank."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9+_-]*$")]
    layout: Annotated[
        Literal["ctc", "cifar", "images"],
        Field(description="frames and cells; or images each of one class, in files of many or in folders of classes"),
    ] = "ctc"
    source: Annotated[
        Literal["fetch", "simulate", "own"],
        Field(
            description="downloaded by `data fetch`, made from a seed, or a copy of the user's that nobody passes on"
        ),
    ]
    address: Annotated[str | None, Field(description="where the archive stands")]
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$", description="of the archive at that address")]
    md5: Annotated[str | None, Field(pattern=r"^[0-9a-f]{32}$", description="of it, where no sha256 is known")] = None
    pixel_size_um: Annotated[tuple[PositiveFloat, PositiveFloat] | None, Field(description="(y, x)")]
    frame_interval_min: PositiveFloat | None
    field_of_interest_px: Annotated[int | None, Field(ge=0, description="outer band where cells may be unannotated")]
    modality: str | None
    terms: str | None
    citations: tuple[str, ...]


def names() -> list[str]:
    """Name every data set that has a card, sorted."""
    return sorted(path.stem for path in shipped.folder("datasets").glob("*.yaml"))


def card(name: str) -> Card:
    """Give the card of a data set.

    Raises:
        CardError: no card has this name (the nearest are listed), or its file is not a valid card.
    """
    if name not in names():
        raise CardError(unknown("data set", name, names()))
    return read(shipped.folder("datasets") / f"{name}.yaml")


def all_cards() -> list[Card]:
    """Give every card, by name."""
    return [card(name) for name in names()]


@cache
def read(path: Path) -> Card:
    """Read a card file; all of its faults are told at once.

    Raises:
        CardError: the file is not plain YAML, lacks a field, has one too many or a bad value, or bears another name.
    """
    try:
        content = yaml12.read(reading.text_of(path, most=_MOST_BYTES))
        written = Card.model_validate_json(json.dumps(content), strict=True)  # as JSON: strictness knows no tuples
    except (yaml12.YamlError, UnicodeDecodeError) as error:
        raise CardError(f"the card {path} is not plain YAML: {error}") from error
    except OSError as error:
        raise CardError(f"the card {path} cannot be read ({error.strerror}): install cellprune again") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors())
        raise CardError(f"the card {path} is not valid: {faults}") from error
    if written.name != path.stem:
        raise CardError(f"the card {path} names {written.name!r}: name the file and the set alike")
    return written
