"""The story of one run, from a configuration to a report. Every line of `run` is one call into one room."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cellprune import models, selection, tasks
from cellprune.config import load as config
from cellprune.config.names import AROUND_TRAINING, DURING_TRAINING, resolve
from cellprune.config.schema import Runtime, Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.models import small
from cellprune.models.receptive import receptive_field
from cellprune.pruning.masks import dead_layers
from cellprune.report import page
from cellprune.runs import log, names, provenance
from cellprune.runs.folder import Folder
from cellprune.structure import timing
from cellprune.structure.cost import cost
from cellprune.tasks import Task
from cellprune.training import engine as engines
from cellprune.training.fit import fit, reseed
from cellprune.training.progress import Event, Listener
from cellprune.training.sparse import MaskPolicy
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Request, Stage, walk
from cellprune.training.statistics import reestimate

Masks = dict[str, Tensor]


def run(
    settings: Settings,
    listeners: Sequence[Listener] = (),
    *,
    runtime: Runtime | None = None,
    command: Sequence[str] = (),
) -> Folder:
    """Train one network, pruned or not, and leave a complete run folder.

    Args:
        settings: what is computed.
        listeners: watch the run; see `training.progress`.
        runtime: where it happens; nothing in it changes the result.
        command: the command line, for the record.
    Returns:
        The folder of the finished run.
    Raises:
        CellpruneError: refused before any work: bad settings, missing data, an output folder that is not free.
        WorkError: failed on its way; what was complete stays, and `resume` goes on from there.
    """
    runtime = runtime or Runtime()
    engine = engines.start(runtime.device)
    settings = _resolved(settings, engine)
    task = tasks.of(settings)

    frames = task.open(settings.data, runtime.data_root)
    split = task.split(frames, settings.data)
    folder = Folder.open(runtime.output or runtime.runs / _name(settings, split.as_dict()), runtime.resume)
    with _held(folder, engine):
        if _finished(folder, settings, split.as_dict(), engine):
            return folder
        architecture = _architecture(settings, task, frames)
        model = _network(architecture, settings.seed).to(engine.device)  # its name may be a typo: before any pixel
        work = _Work(
            settings=settings,
            task=task,
            frames=frames,
            architecture=architecture,
            model=model,
            loaders=task.loaders(frames, split, settings, runtime.workers, engine.device),
            loss=task.loss(settings.training.loss),
            folder=folder,
            engine=engine,
            listeners=listeners if engine.is_main_process else (),
        )
        stages = _stages(work)
        _begin(work, split.as_dict(), stages, command)
        if settings.pruning.stands_in:
            work, stages = _in_its_place(work), [Stage("init", {}, Static, settings.training.epochs)]
        masks = _train(work, stages)
        if engine.is_main_process:
            _score(work)
            _save(work, masks)
            _count(work, masks)
            page.write(folder)
            _finish(work, keep_state=runtime.keep_state)
        engine.wait_for_everyone()
    return folder


def choose_masks(settings: Settings, *, runtime: Runtime | None = None) -> tuple[Settings, Masks, dict[str, Any]]:
    """Choose the masks that a run would train, and train nothing.

    Args:
        settings, runtime: as `run` takes them; the training decides nothing here but its loss and augmentation.
    Returns:
        The settings with every choice made, the masks, and what they cost: see `structure.cost`.
    Raises:
        CellpruneError: bad settings, missing data, or a ratio of 0, which leaves nothing to choose.
        WorkError: a loss or a score is NaN or infinite.
    """
    runtime = runtime or Runtime()
    engine = engines.start(runtime.device)
    settings = _resolved(settings, engine)
    if settings.pruning.method == "dense":
        raise CellpruneError("nothing is to be pruned (pruning.ratio is 0): give the share to remove, as --prune 0.9")
    if settings.pruning.stands_in:
        raise CellpruneError(
            f"pruning.control={settings.pruning.control} trains no masks: leave it to 'cellprune train'"
        )
    task = tasks.of(settings)
    frames = task.open(settings.data, runtime.data_root)
    split = task.split(frames, settings.data)
    loaders = task.loaders(frames, split, settings, runtime.workers, engine.device)
    loss = task.loss(settings.training.loss)
    model = _network(_architecture(settings, task, frames), settings.seed).to(engine.device)
    planned = selection.plan(settings, model, loaders, loss)
    masks = selection.masks(settings, model, loaders, loss, planned)
    return settings, masks, cost(model, task.input(frames, settings.data), masks)


def evaluate(
    path: Path, *, dataset: str | None = None, part: str = "report", data_root: Path | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Score a finished run's network on a part of its own data, or on all gold frames of another data set.

    Args:
        path: the run folder.
        dataset: a card's name or a folder; None for the run's own.
        part: "report" (held out), "train" or "all" of the run's own data; another data set is always taken whole.
    Returns:
        The content of scores.json for these frames.
    Raises:
        CellpruneError: no finished run, no such data, or data that changed since the run.
    """
    folder = Folder(path)
    if not folder.finished:
        raise CellpruneError(f"{path} is not a finished run: finish it with 'cellprune train --resume'")
    if dataset is None and part == "report":
        return folder.read_scores()
    settings = Settings.model_validate(folder.read_config())
    task = tasks.of(settings)
    data = settings.data if dataset is None else settings.data.model_copy(update={"dataset": dataset})
    frames = task.open(data, data_root)
    _require_fit(path, folder.read_model()[0]["architecture"], task.network(frames), data.dataset)
    split = task.again(frames, folder.read_split(), part) if dataset is None else task.whole(frames, data)
    place = engines.start(device).device
    model = models.load(path).to(place)
    loaders = task.loaders(frames, split, settings, 0, place)
    return _heading(settings) | task.scores(model, loaders, "report") | {"part": part}


def _require_fit(path: Path, architecture: Mapping[str, Any], needed: Mapping[str, int], dataset: str) -> None:
    for key, what in (("in_channels", "channel(s)"), ("classes", "classes")):
        if architecture[key] != needed[key]:
            raise CellpruneError(
                f"the network of {path} knows {architecture[key]} {what}, but {dataset} has {needed[key]}: "
                "evaluate it on data like those it was trained on"
            )


@dataclass(frozen=True)
class _Work:
    """What every step of a run has at hand."""

    settings: Settings
    task: Task
    frames: Any
    loaders: Any
    loss: Callable[[Tensor, Tensor], Tensor]
    architecture: Mapping[str, Any]
    model: nn.Module
    folder: Folder
    engine: Accelerator
    listeners: Sequence[Listener]

    @property
    def judged(self) -> str:
        """The part the network is scored on: a run that sets frames apart to choose on never looks at the held-out."""
        return "select" if self.settings.data.select else "report"

    @contextmanager
    def phase(self, name: str, message: str) -> Iterator[None]:
        """Tell the listeners of a part of the work, and write its seconds into the record."""
        event, clock = Event(name, message=message), perf_counter()
        for listener in self.listeners:
            listener.started(event)
        yield
        for listener in self.listeners:
            listener.finished(event)
        self.note_time(name, perf_counter() - clock)

    def note_time(self, phase: str, seconds: float) -> None:
        record = self.folder.read_provenance()
        record["times"][f"{phase}_s"] = round(seconds, 3)
        self.folder.write_provenance(record)


def _resolved(settings: Settings, engine: Accelerator) -> Settings:
    """Settle what "auto" means on this machine, so that the run's own file says it."""
    settings = selection.resolved(settings)
    precision = engines.precision(settings.training.precision, engine.device)
    training = settings.training.model_copy(update={"precision": precision})
    return settings.model_copy(update={"training": training})


def _name(settings: Settings, split: Mapping[str, Any]) -> str:
    pruning, digest = settings.pruning, config.digest(settings, split)
    return names.run_name(
        settings.data.dataset, settings.model.name, pruning.label, pruning.amount, settings.seed, digest
    )


@contextmanager
def _held(folder: Folder, engine: Accelerator) -> Iterator[None]:
    """Hold the folder and its log; of several processes the main one alone does."""
    if not engine.is_main_process:
        engine.wait_for_everyone()
        yield
        return
    with folder.lock(), log.kept(folder.log_path):
        engine.wait_for_everyone()
        yield


def _finished(folder: Folder, settings: Settings, split: Mapping[str, Any], engine: Accelerator) -> bool:
    """Tell whether the run is complete, and mend what a late kill left; refuse other settings or other data."""
    if not folder.has("config"):
        return False
    changed = config.differences(settings, Settings.model_validate(folder.read_config()))
    if changed:
        raise config.ConfigError(
            f"{folder.path} was started with other settings ({'; '.join(changed)}): give the same, or another --output"
        )
    if folder.has("split") and folder.read_split() != split:
        raise CellpruneError(f"the data changed since {folder.path} was started: restore it, or give another --output")
    if folder.finished and engine.is_main_process:
        log.LOGGER.warning("%s is finished already", folder.path)
        if not folder.has("report"):
            page.write(folder)
        folder.drop_state()
    return folder.finished


def _architecture(settings: Settings, task: Task, frames: Any) -> dict[str, Any]:
    """Give what the network of the settings is built from."""
    return {**settings.model.model_dump(), **task.network(frames)}


def _network(architecture: Mapping[str, Any], seed: int, *draw: int) -> nn.Module:
    reseed(seed, *draw)
    return models.build(architecture)


def _stages(work: _Work) -> list[Stage]:
    """List the trainings: one, under masks chosen at initialization, unless the method has its own list."""
    pruning, training, engine = work.settings.pruning, work.settings.training, work.engine
    if pruning.method not in AROUND_TRAINING | DURING_TRAINING:
        return [Stage("init", lambda *_: _prune(work), Static, training.epochs)]
    request = Request(
        sparsity=pruning.ratio,
        scope=pruning.scope,
        exclude=pruning.exclude,
        epochs=training.epochs,
        steps_per_epoch=len(work.loaders.train(1, engine.process_index, engine.num_processes)),
        seed=work.settings.seed,
    )
    stages: list[Stage] = resolve("pruning method", pruning.method)(work.model, request, **pruning.options())
    return stages


def _begin(work: _Work, split: Mapping[str, Any], stages: Sequence[Stage], command: Sequence[str]) -> None:
    """Write down what is known before any work, once: what memory allows now is kept for every resume."""
    folder, settings, engine = work.folder, work.settings, work.engine
    if engine.is_main_process and not folder.has("provenance"):
        weights = sum(p.nbytes for p in work.model.parameters())
        folder.require_space(11 * weights + 50_000_000)  # three states of weights and two moments, the model, the page
        record = provenance.gather(command) | {
            "threads": torch.get_num_threads(),
            "device": str(engine.device),
            "precision": settings.training.precision,
            "processes": engine.num_processes,
            "data": {"dataset": settings.data.dataset, "sha256": config.digest(settings, split)},
            "segments": selection.plan(settings, work.model, work.loaders, work.loss),
            "stages": [stage.does for stage in stages],
            "times": {},
        }
        folder.write_config(settings.model_dump(mode="json"))
        folder.write_split(split)
        folder.write_provenance(record)
        log.LOGGER.info("started with %s", " ".join(command) or "cellprune.run")
    elif engine.is_main_process:
        record = folder.read_provenance()
        folder.write_provenance(record | {"resumed": [*record.get("resumed", []), provenance.now()]})
        log.LOGGER.info("resumed")


def _prune(work: _Work) -> Masks:
    """Prune at initialization, once; a resumed run finds its masks in its folder."""
    folder, pruning = work.folder, work.settings.pruning
    if pruning.method == "dense":
        return {}
    if work.engine.is_main_process and not folder.has("masks"):
        folder.write_masks({name: mask.cpu().numpy() for name, mask in _choose(work).items()})
    work.engine.wait_for_everyone()
    if pruning.control == "reinit":  # the same masks on other weights of the same distribution
        work.model.load_state_dict(_network(work.architecture, work.settings.seed, 1).state_dict())
    return {name: torch.from_numpy(mask) for name, mask in folder.read_masks().items()}


def _in_its_place(work: _Work) -> _Work:
    """Put a small dense network where the pruned one would be; a resumed run finds its widths in its folder."""
    folder, settings = work.folder, work.settings
    if work.engine.is_main_process and not folder.has("cost"):
        size = work.task.input(work.frames, settings.data)
        found = small.instead(settings.pruning.control, work.architecture, _choose(work), size)
        folder.write_cost({"control": asdict(found)})
    work.engine.wait_for_everyone()
    architecture = small.of_widths(work.architecture, folder.read_cost()["control"]["widths"])
    return replace(work, architecture=architecture, model=_network(architecture, settings.seed).to(work.engine.device))


def _choose(work: _Work) -> Masks:
    planned = work.folder.read_provenance()["segments"]
    with work.phase("scoring", f"scoring the weights ({work.settings.pruning.method})"):
        return selection.masks(work.settings, work.model, work.loaders, work.loss, planned)


def _train(work: _Work, stages: Sequence[Stage]) -> Masks:
    """Train through all stages, and give the masks that the last one ended with."""
    rewinds_to = max(stage.first_step for stage in stages)

    def train(policy: MaskPolicy, stage: Stage, number: int) -> None:
        fit(
            work.model,
            policy,
            work.loaders.train,
            settings=work.settings.training,
            epochs=stage.epochs,
            seed=work.settings.seed,
            stage=number,
            first_step=stage.first_step,
            keep_step=0 if number else rewinds_to,
            message=f"training {number + 1} of {len(stages)}: {stage.does}" if len(stages) > 1 else "",
            loss=work.loss,
            evaluate=lambda network: work.task.watch(network, work.loaders, work.judged),
            engine=work.engine,
            store=work.folder,
            listeners=work.listeners,
        )

    def rewound() -> dict[str, Tensor]:
        return {name: torch.from_numpy(value) for name, value in work.folder.load_rewind().items()}

    stored = work.folder.load_state()
    reached = None if stored is None else stored[1]["stage"]
    masks = walk(work.model, stages, train, rewound=rewound, reached=reached)
    if work.engine.is_main_process:
        rows = work.folder.read_metrics()
        work.note_time("training", sum(row["seconds"] for row in rows))
        work.folder.write_provenance(work.folder.read_provenance() | {"epochs": len(rows)})
    return {name: mask.cpu() for name, mask in masks.items()}


def _score(work: _Work) -> None:
    """Score the last epoch's network, with the batch statistics that belong to it."""
    with work.phase("evaluation", "scoring what was held out"):
        device = work.engine.device
        reestimate(work.model, (images.to(device) for images, _ in work.loaders.plain()))
        work.folder.write_scores(_heading(work.settings) | work.task.scores(work.model, work.loaders, work.judged))


def _heading(settings: Settings) -> dict[str, Any]:
    return {"schema": 1, "task": settings.task, "policy": settings.model_dump()["data"].get("truth")}


def _save(work: _Work, masks: Masks) -> None:
    """Write masks and model file, and read the model back: it must be this network, bit for bit."""
    if masks and not work.folder.has("masks"):  # what prune() chose stands there since before the training
        work.folder.write_masks({name: mask.numpy() for name, mask in masks.items()})
    record = json.dumps(work.folder.read_provenance(), sort_keys=True)
    field = receptive_field(work.model, work.architecture["in_channels"])
    header = {
        "architecture": work.architecture,
        **work.task.header(work.frames, work.settings),
        "receptive_field": None if field is None else field.model_dump(),
        "provenance_sha256": sha256(record.encode()).hexdigest(),
    }
    weights = {name: value.detach().cpu().contiguous().numpy() for name, value in work.model.state_dict().items()}
    work.folder.write_model(header, weights, {name: mask.numpy() for name, mask in masks.items()})
    _, stored, _ = work.folder.read_model()
    for name, value in weights.items():
        if stored[name].tobytes() != value.tobytes():
            raise WorkError(
                f"{work.folder.file('model')} does not read back as written ({name}): check the disk, --resume"
            )


def _count(work: _Work, masks: Masks) -> None:
    """Write what the network costs, dense and pruned: counted, and measured on this machine."""
    device, size = work.engine.device, work.task.input(work.frames, work.settings.data)
    networks = {"dense": _network(work.architecture, work.settings.seed).to(device)}
    if masks:
        networks["pruned"] = work.model
    if work.settings.pruning.stands_in:
        whole = _network(_architecture(work.settings, work.task, work.frames), work.settings.seed)
        networks["whole"] = whole.to(device)
    measured = timing.milliseconds(networks, torch.randn(1, *size, device=device))
    found = cost(work.model, size, masks or None)
    found["bytes"] = {
        **{f"{name}_fp32": _bytes(network) for name, network in networks.items() if name != "pruned"},
        "model_file": work.folder.file("model").stat().st_size,
    }
    found["milliseconds"] = measured | {"threads": torch.get_num_threads(), "device": str(device)}
    found["dead_layers"] = dead_layers(masks)
    if work.settings.pruning.stands_in:
        found["control"] = work.folder.read_cost()["control"]
    work.folder.write_cost(found)


def _bytes(network: nn.Module) -> int:
    return sum(value.nbytes for value in network.state_dict().values())


def _finish(work: _Work, *, keep_state: bool) -> None:
    """Say that the run is complete, last of all."""
    work.folder.write_provenance(work.folder.read_provenance() | {"finished": provenance.now()})
    log.LOGGER.info("finished")
    if not keep_state:
        work.folder.drop_state()
