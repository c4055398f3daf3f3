"""What layers take, where milliseconds decide: timed once before the first training, and the same for all of them.

The journal keeps it, so that a search that goes on, on whatever machine, and every worker decide by the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.config.names import is_dense_family
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.controls.families import levels_of
from cellprune.experiment import latency
from cellprune.experiment.latency import Clock
from cellprune.pruning.ranking.latency import NS
from cellprune.runs.layer_times import LayerTimes, TimedIn
from cellprune.search.frames import settings_of_lowest
from cellprune.search.reach import Reach, reach, whole_network
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.training import progress
from cellprune.training.accelerator import start
from cellprune.training.progress import Event, Listener


@dataclass(frozen=True)
class ByTime:
    """The times of layers of a search.

    Attributes:
        layers: what each layer takes that a training can ask for.
        whole_ms: their sum, of the network that nothing is taken from.
        here: what this machine would have timed them in.
    """

    layers: LayerTimes
    whole_ms: float
    here: TimedIn

    @property
    def is_moved(self) -> bool:
        """Whether they were timed elsewhere: by another processor, engine or number of threads."""
        return self.layers.timed_in != self.here


def timed(
    settings: Settings,
    search: Search,
    stored: LayerTimes | None,
    *,
    data_root: Path | None,
    device: str,
    listeners: Sequence[Listener] = (),
) -> tuple[Reach, ByTime]:
    """Time the layers that a search can ask for, and settle which ratios it can ask of the method.

    Args:
        settings: of a training.
        stored: what the search was begun with; None where it begins.
        listeners: are told of each layer that is timed.
    Raises:
        CellpruneError: the engine is not installed or cannot run the network, and what `reach` refuses.
    """
    lowest, (architecture, size) = settings_of_lowest(settings, search), whole_network(settings, data_root)
    if is_dense_family(settings.pruning.method):
        levels_of(architecture)  # refused before minutes of timing
    clock, whole = Clock.of(lowest, start(device).device), architecture.build()
    latency.require(clock, whole, size)
    with progress.phase(() if stored else listeners, Event("timing", message=latency.timing(lowest))) as tell:
        layers = stored or latency.known_times(clock, lowest.pruning, whole, size, tell=tell)
        table = latency.table_of(None if stored else clock, layers)
        within = reach(settings, search, data_root, table)
    if not stored:  # of flat networks some levels are wider than the whole network's
        layers = latency.kept(clock, table, layers)
    shapes = shapes_of_layers(whole, size)
    return within, ByTime(layers, table.of_small(shapes, shapes) / NS, clock.timed_in)
