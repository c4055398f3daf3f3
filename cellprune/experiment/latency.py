"""What layers, and whole networks, take in the engine that the settings name; layers are timed once on a machine.

A run keeps the times of the layers that its choice can ask for, written before anything is scored: a resume, on another
day or machine, decides by the same. A network that was made by them is timed as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from filelock import FileLock
from torch import nn

from cellprune.config.names import ENGINES
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.experiment.opening import Setup
from cellprune.export.tracing import traced
from cellprune.machine import processor, threads
from cellprune.machine.cache import cache_root
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.latency import Latencies, LatencyTable
from cellprune.pruning.ranking.whole_channels import removable
from cellprune.runs import layer_times, log
from cellprune.runs.cost import Latency
from cellprune.runs.layer_times import LayerTimes, TimedIn
from cellprune.structure.copying import copied_with
from cellprune.structure.in_turn import InTurn, Pass, in_turn
from cellprune.structure.layer_shapes import LayerShape
from cellprune.structure.layers import ones
from cellprune.structure.timing import milliseconds_of_layer
from cellprune.structure.timing import pass_of as pass_in_torch
from cellprune.training.progress import Tell, unheard
from cellprune.wording import reason

_PASSES, _LEAST_S = 5, 0.02  # of a layer: a network has hundreds of shapes to try
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Clock:
    """Times layers and networks in one engine.

    Attributes:
        engine: a row of the engines' table.
        device: of torch; the others compute on the CPU.
    """

    engine: str
    device: torch.device

    @classmethod
    def of(cls, settings: Settings, device: torch.device) -> "Clock":
        """Give the clock that the settings ask for."""
        return cls(settings.pruning.engine, device)

    @property
    def timed_in(self) -> TimedIn:
        """Say what the times hold for."""
        by_torch = self.engine == "torch"
        on_gpu = by_torch and self.device.type == "cuda"
        return TimedIn(
            engine=self.engine,
            version=version(ENGINES[self.engine].package),
            processor=torch.cuda.get_device_name(self.device) if on_gpu else processor.name(),
            threads=torch.get_num_threads() if by_torch else threads.count(),
        )

    def layer(self, shape: LayerShape) -> float:
        """Give the milliseconds of one layer alone, on one sample."""
        if self.engine == "torch":
            return milliseconds_of_layer(shape, self.device)
        layer, inputs = shape.build(_CPU)
        run = self._pass(layer.eval(), inputs)
        took = in_turn({"layer": run}, threads=threads.count(), passes=_PASSES, least_s=_LEAST_S)
        return round(took.milliseconds["layer"], 6)

    def networks(self, networks: Mapping[str, nn.Module], inputs: torch.Tensor) -> InTurn:
        """Time whole networks in turn.

        Args:
            networks: name -> network; they are left as they were.
            inputs: one image, (1, C, H, W).
        Raises:
            CellpruneError: one of them cannot be written as ONNX; the message says what to do.
        """
        passes = {name: self.pass_of(network, inputs) for name, network in networks.items()}
        return in_turn(passes, threads=self.timed_in.threads, on_cpu=self._place.type == "cpu")

    def pass_of(self, network: nn.Module, inputs: torch.Tensor) -> Pass:
        """Make a pass of a copy of a network; arguments and errors as of `networks`."""
        return self._pass(_ready(network, self._place), inputs.to(self._place))

    @property
    def _place(self) -> torch.device:
        return self.device if self.engine == "torch" else _CPU

    def _pass(self, network: nn.Module, inputs: torch.Tensor) -> Pass:
        if self.engine == "torch":
            return pass_in_torch(network, inputs)
        try:
            file = traced(network, inputs)
        except Exception as error:  # of any kind, as the exporter has them
            raise CellpruneError(
                f"{type(network).__name__} cannot be written as ONNX ({reason(error)}), so engine {self.engine!r} "
                "cannot time it: give --engine torch"
            ) from error
        if self.engine == "onnx":
            from cellprune.engines.onnx import pass_of
        else:
            from cellprune.engines.openvino import pass_of
        return pass_of(file, inputs.numpy())


def require(clock: Clock, network: nn.Module, input_size: Sequence[int]) -> None:
    """Refuse an engine that is not installed, or cannot run the network, before anything is written.

    Raises:
        CellpruneError: says what to do.
    """
    row = ENGINES[clock.engine]
    if not find_spec(row.package):
        raise CellpruneError(
            f"--engine {clock.engine} needs {row.package}, which is not installed: "
            f"pip install 'cellprune[{row.extra}]', or take another --engine"
        )
    clock.pass_of(network, torch.randn(1, *input_size))


def timed(setup: Setup, stored: LayerTimes | None = None, tell: Tell = unheard) -> tuple[Setup, LayerTimes]:
    """Have at hand what each layer takes that the choice can ask for.

    Args:
        stored: what the run was begun with, or is given; None where it has none.
        tell: told of each layer that is timed.
    Returns:
        The setup with its table, and what the table holds.
    Raises:
        CellpruneError: the settings are of a search's training, and its times are not those that are stored.
    """
    clock, given = Clock.of(setup.settings, setup.device), setup.settings.pruning.layer_times_sha256
    if given is None:
        size = setup.opened.input_size
        stored = known_times(clock, setup.settings.pruning, setup.network, size, stored, tell)
    elif stored is None or layer_times.digest(stored) != given:
        raise CellpruneError(
            "pruning.layer_times_sha256 names the times of layers of a search, which are not here: go on with the "
            "search by --resume, or time them anew by --set pruning.layer_times_sha256=null"
        )
    return replace(setup, table=table_of(clock if given is None else None, stored)), stored


def known_times(
    clock: Clock,
    pruning: Pruning,
    network: nn.Module,
    input_size: Sequence[int],
    stored: LayerTimes | None = None,
    tell: Tell = unheard,
) -> LayerTimes:
    """Give what each layer takes that the choice can ask for; what is stored counts if nothing of it is missing.

    Args:
        network: the whole one, on any device.
        input_size: (channels, height, width) of an image.
        tell: told of each layer that is timed.
    """
    shapes = _asked(clock, pruning, network, input_size)
    if stored is not None and shapes.keys() <= stored.milliseconds.keys():
        return stored
    known = _of_this_machine(clock, shapes, tell)
    return LayerTimes(timed_in=clock.timed_in, milliseconds={key: known[key] for key in sorted(shapes)})


def table_of(clock: Clock | None, stored: LayerTimes) -> LatencyTable:
    """Give the table by which is decided.

    Args:
        clock: times what is not stored; None where all is, because others decide by the same.
    """

    def measure(shape: LayerShape) -> float:
        assert clock is not None, f"{shape.key} was timed before the first training"
        return clock.layer(shape)

    return LatencyTable(measure, dict(stored.milliseconds))


def timing(settings: Settings) -> str:
    """Say what is under way."""
    return f"timing layers in {settings.pruning.engine}, once on this machine"


def kept(clock: Clock, table: LatencyTable, stored: LayerTimes) -> LayerTimes:
    """Give all that a table holds beside what it began with; what was timed since is kept for later runs.

    Args:
        stored: of this machine, or of another, whose times no cache of this one may hold.
    """
    if stored.timed_in == clock.timed_in:
        path = _path(clock.timed_in)
        with _alone(path):
            _keep(path, clock.timed_in, {**table.entries, **_read(path, clock.timed_in)})
    return LayerTimes(timed_in=stored.timed_in, milliseconds=dict(table.entries))


def of_whole(setup: Setup, dense: nn.Module, made: nn.Module) -> Latency:
    """Time a network that was made by the times of layers, and the dense one, as wholes."""
    clock = Clock.of(setup.settings, setup.device)
    took = clock.networks({"dense": dense, "made": made}, torch.randn(1, *setup.opened.input_size))
    dense_ms, made_ms = (round(took.milliseconds[name], 4) for name in ("dense", "made"))
    return Latency(timed_in=clock.timed_in, dense=dense_ms, made=made_ms, passes=took.passes)


def _asked(clock: Clock, pruning: Pruning, network: nn.Module, size: Sequence[int]) -> dict[str, LayerShape]:
    """Give the shapes that a choice of channels can ask for; of a small dense network all levels may be narrower."""
    weights = prunable(network, () if pruning.stands_in else pruning.exclude)
    channels = removable(network, ones(network, size), weights)
    return Latencies.of(network, channels, size, LatencyTable(clock.layer)).shapes()


def _of_this_machine(clock: Clock, shapes: Mapping[str, LayerShape], tell: Tell) -> dict[str, float]:
    """Time the layers that were never timed here, and keep them for all later runs."""
    timed_in = clock.timed_in
    path = _path(timed_in)
    with _alone(path):
        known = _read(path, timed_in)
        missing = [shape for key, shape in shapes.items() if key not in known]
        for done, shape in enumerate(missing):
            tell(done, len(missing))
            known[shape.key] = clock.layer(shape)
        if missing:
            tell(len(missing), len(missing))
            log.LOGGER.info("timed %d layers in %s %s", len(missing), timed_in.engine, timed_in.version)
            _keep(path, timed_in, known)
    return known


def _path(timed_in: TimedIn) -> Path:
    return cache_root() / "layers" / layer_times.file_name(timed_in)


def _keep(path: Path, timed_in: TimedIn, milliseconds: Mapping[str, float]) -> None:
    try:
        layer_times.write(path, LayerTimes(timed_in=timed_in, milliseconds=milliseconds))
    except WorkError as error:
        log.LOGGER.warning(f"the times of layers are not kept for later runs: {error}")


def _read(path: Path, timed_in: TimedIn) -> dict[str, float]:
    """Give what was timed here before; nothing of a damaged file."""
    if not path.exists():
        return {}
    try:
        kept = layer_times.read(path)
    except CellpruneError:
        log.LOGGER.warning(f"{path} is damaged, so the layers are timed anew")
        return {}
    return dict(kept.milliseconds) if kept.timed_in == timed_in else {}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time measure: two would disturb each other, and decide by different times."""
    lock = FileLock(path.with_suffix(".lock"))
    with suppress(OSError):  # a home that cannot be written: nothing is kept, so nothing is to be waited for
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _ready(network: nn.Module, device: torch.device) -> nn.Module:
    """Copy a network, ready to be run as often as one likes."""
    return copied_with(network, {}).to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
