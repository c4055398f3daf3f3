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
    """How the parts of a search are called.

    Attributes:
        unit: "weights", "milliseconds".
        network: "unet, width 8, depth 4".
        measure: "IoU".
        images: "frames".
        gone: what becomes of the unit: it is "removed"; time, and what dense families do without, is "saved".
        reference: the network from which nothing goes: "unpruned", "full-width".
    """

    unit: str
    network: str
    measure: str
    images: str
    gone: str = "removed"
    reference: str = "unpruned"


def words(settings: Settings, search: Search) -> Words:
    """Name the parts of a search."""
    metric: Metric[Scores] = resolve("results", settings.task).compared_by(search.score)
    is_dense = is_dense_family(settings.pruning.method)
    return Words(
        unit=NAMES_OF_UNITS[search.unit],
        network=network(settings.model.model_dump()),
        measure=metric.name,
        images=metric.images,
        gone="saved" if is_dense or search.unit == "latency" else "removed",
        reference="full-width" if is_dense else "unpruned",
    )


def ours(settings: Settings) -> str:
    """Say what the networks of the method are: "pruned", or of a dense family "flat"."""
    method = settings.pruning.method
    return method if is_dense_family(method) else "pruned"


def act(settings: Settings) -> str:
    """Say what makes them smaller."""
    return "a smaller network" if is_dense_family(settings.pruning.method) else "pruning"
