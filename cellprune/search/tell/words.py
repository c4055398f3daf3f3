"""The words of a search: what is removed, of what network, what is scored, and of what."""

from dataclasses import dataclass

from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.report.results import Measure
from cellprune.report.sentences import network

UNITS = {"weights": "weights", "params": "parameters", "macs": "multiply-adds", "channels": "channels"}


@dataclass(frozen=True)
class Words:
    """How the parts of a search are called, such as "weights", "unet, width 8, depth 4", "IoU", "frames"."""

    unit: str
    network: str
    measure: str
    images: str


def words(settings: Settings, search: Search) -> Words:
    """Name the parts of a search."""
    measure: Measure = resolve("results", settings.task).measure
    return Words(UNITS[search.unit], network(settings.model.model_dump()), measure.name, measure.images)
