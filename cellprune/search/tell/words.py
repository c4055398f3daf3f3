"""The words of a search: what is removed, of what network, what is scored, and of what."""

from dataclasses import dataclass

from cellprune.config.names import is_dense_family, resolve
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.evaluation.metric import Metric
from cellprune.report.sentences import NAMES_OF_UNITS, network
from cellprune.runs.scores import Scores


@dataclass(frozen=True)
class Words:
    """How the parts of a search are called, such as "weights", "unet, width 8, depth 4", "IoU", "frames"."""

    unit: str
    network: str
    measure: str
    images: str


def words(settings: Settings, search: Search) -> Words:
    """Name the parts of a search."""
    metric: Metric[Scores] = resolve("results", settings.task).metric
    return Words(NAMES_OF_UNITS[search.unit], network(settings.model.model_dump()), metric.name, metric.images)


def ours(settings: Settings) -> str:
    """Say what the networks of the method are: "pruned", or of a dense family "flat"."""
    method = settings.pruning.method
    return method if is_dense_family(method) else "pruned"


def act(settings: Settings) -> str:
    """Say what makes them smaller."""
    return "a smaller network" if is_dense_family(settings.pruning.method) else "pruning"
