"""cost.json: what a run's network costs, dense and as it was trained; counted, and measured on the run's machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cellprune.runs import documents
from cellprune.runs.layer_times import TimedIn
from cellprune.structure.counts import Counts


@dataclass(frozen=True)
class Budget:
    """What was to stay beside what stays.

    Attributes:
        unit: "weights", "active weights" (on a path), "channels", "params", "macs" or "latency": nanoseconds, summed
            over the layers by the run's table.
        target, achieved: shares of the dense network's count.
        dense, allowed, kept: counts.
    """

    unit: str
    target: float
    achieved: float
    dense: int
    allowed: int
    kept: int


@dataclass(frozen=True)
class Whole:
    """The network that a small one stands for: channels of each level, and what it costs."""

    widths: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True)
class StandIn:
    """A small dense network that stands in a pruned one's place.

    Attributes:
        shape: every level narrower by one factor, all levels equally wide, or each as wide as the masks leave it.
        unit: what it may not spend more of; of "to-density" what is set beside the masks.
        target: what the pruned network keeps of the unit: all parameters but the masked ones (biases and norms among
            them), the multiply-adds of the kept weights, or the nanoseconds of its layers, by the run's table.
        achieved: what this network has, at most the target; of "to-density" perhaps more.
        widths: channels of each level.
        whole: the network that is pruned otherwise.
        of_budget: whether a budget gave the target, and no masks were made.
    """

    shape: Literal["narrow", "flat", "to-density"]
    unit: Literal["params", "macs", "latency"]
    target: int
    achieved: int
    widths: tuple[int, ...]
    whole: Whole
    of_budget: bool = False


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Sizes: of the dense network's weights, of those of the one that this stands for, and of the model file."""

    dense_fp32: int
    whole_fp32: int | None = None
    model_file: int


@dataclass(frozen=True, kw_only=True)
class Milliseconds:
    """Time of one image through each network, measured in turn: the lower quartile of so many passes (in older
    runs the fastest one), on which device.

    Attributes:
        dense: the network that was trained, without its masks.
        pruned: the same under its masks, or without the channels that they remove; None where it has none.
        whole: of a small dense network, the one that it stands for.
    """

    dense: float
    pruned: float | None = None
    whole: float | None = None
    repeats: int
    threads: int
    device: str


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of one image through whole networks, in the engine by whose times of layers one of them was made.

    Attributes:
        timed_in: the engine, with processor and threads.
        dense: of the network that is pruned; of a small dense network, of the one that it stands for.
        made: of what was made of it, measured in turn with it; lower quartiles.
        passes: of each that count.
    """

    timed_in: TimedIn
    dense: float
    made: float
    passes: int

    @property
    def share(self) -> float:
        """The time that stays."""
        return self.made / self.dense


@dataclass(frozen=True, kw_only=True)
class MaskCost(Counts):
    """What a network costs under masks that nobody has trained yet; None where nothing was asked for, or timed."""

    budget: Budget | None = None
    latency: Latency | None = None


@dataclass(frozen=True, kw_only=True)
class Cost(Counts):
    """The content of cost.json: the counts of the trained network, and what else is known of it.

    Attributes:
        bytes: sizes in memory and on the disk.
        milliseconds: measured.
        dead_layers: layers that lost all their weights.
        budget: what was asked for; None where nothing was: unpruned, or by masks that were given.
        control: of a small dense network, whose place it takes.
        shrunk: whether the removed channels are out of the network; else they are zero.
        latency: of the whole networks, where the time of layers decided; else None.
    """

    bytes: Bytes
    milliseconds: Milliseconds
    dead_layers: tuple[str, ...]
    budget: Budget | None = None
    control: StandIn | None = None
    shrunk: bool = False
    latency: Latency | None = None

    @property
    def time_ratio(self) -> float | None:
        """The time of the run's network beside the dense one's, of one measurement; None where none was timed."""
        time = self.milliseconds
        ours, dense = (time.dense, time.whole) if self.control else (time.pruned, time.dense)
        return ours / dense if ours and dense else None


def write(path: Path, cost: Cost) -> None:
    """Write cost.json, whole or not at all."""
    documents.write_json(path, documents.plain(cost))


def read(path: Path) -> Cost:
    """Read a cost.json of this version or an older one; CellpruneError where it is absent or damaged."""
    return documents.checked(path, Cost, documents.read_json(path), _mended)


def _mended(content: dict[str, Any]) -> dict[str, Any]:
    """Add what older versions did not count; their masks were of weights alone."""
    parameters, sparsity = content["parameters"], content["sparsity"]
    older = {
        "left": parameters["total"] - parameters["prunable"] + parameters["kept"],
        "active": round((1 - sparsity["effective"]) * parameters["prunable"]),
    }
    layers = [{"channels": None, "channels_kept": None, **row} for row in content["layers"]]
    return {"dead_layers": [], **content, "parameters": older | parameters, "layers": layers}
