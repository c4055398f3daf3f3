"""What layers take, where milliseconds decide: timed once, before the first training, and the same for all of a sweep.

The sweep's folder keeps it, so that workers, shards and `--resume` decide by the same, on whatever machine.
"""

from pathlib import Path

from cellprune.experiment import latency
from cellprune.experiment.latency import Clock
from cellprune.experiment.opening import open_data
from cellprune.runs import layer_times
from cellprune.runs.layer_times import LayerTimes
from cellprune.tables.affordable import require_affordable
from cellprune.tables.plan import Plan
from cellprune.tables.workspace import Workspace
from cellprune.training.accelerator import start
from cellprune.training.progress import Tell, unheard


def of_sweep(
    plan: Plan, workspace: Workspace, file: Path, tell: Tell = unheard, *, keep: bool = True
) -> LayerTimes | None:
    """Give what each layer takes that a choice of the sweep can ask for; None where milliseconds decide nothing.

    Args:
        file: read if it is there, else written, if they are to be kept; hold the sweep's folder.
        tell: told of each layer that is timed.
    Raises:
        CellpruneError: the file is damaged, or the engine is not installed or cannot run a network.
        ConfigError: budgets below the smallest network; names them, with its milliseconds.
    """
    if not any(arm.settings.pruning.times_layers for arm in plan.arms):
        return None
    if file.exists():
        return layer_times.read(file)
    times = _taken(plan, workspace, tell)
    if keep:
        layer_times.write(file, times)
    return times


def _taken(plan: Plan, workspace: Workspace, tell: Tell) -> LayerTimes:
    """Time the layers, and refuse budgets that nothing fits."""
    by_time = [arm for arm in plan.arms if arm.settings.pruning.times_layers]
    # a small dense network may be narrower in layers that are never pruned
    alike = {(arm.group, arm.settings.pruning.stands_in): arm.settings for arm in by_time}
    milliseconds: dict[str, float] = {}
    for settings in alike.values():
        opened = open_data(settings, workspace.data_root)
        clock, network = Clock.of(settings, start(workspace.device).device), opened.architecture.build()
        latency.require(clock, network, opened.input_size)
        times = latency.known_times(clock, settings.pruning, network, opened.input_size, tell=tell)
        milliseconds |= times.milliseconds
    together = LayerTimes(timed_in=times.timed_in, milliseconds=milliseconds)
    require_affordable(plan, workspace.data_root, latency.table_of(clock, together))
    return together
