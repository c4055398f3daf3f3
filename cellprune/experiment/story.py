"""The story of one run, from a configuration to a report. Every line of `run` is one call into one room."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from glob import escape
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from cellprune import tasks
from cellprune.config import load as config
from cellprune.config.names import method, resolve
from cellprune.config.schema import Runtime, Settings
from cellprune.controls import small
from cellprune.errors import CellpruneError
from cellprune.experiment import choose as selection
from cellprune.experiment import record, room
from cellprune.experiment.work import Work, architecture_of, initial_network
from cellprune.pruning.connectivity import CutOffError
from cellprune.pruning.masks import Masks
from cellprune.report import page
from cellprune.runs import cost as cost_file
from cellprune.runs import log, names
from cellprune.runs.cost import MaskCost
from cellprune.runs.documents import plain
from cellprune.runs.folder import Folder
from cellprune.runs.log import LOGGER
from cellprune.runs.split import Split
from cellprune.structure.cost import cost
from cellprune.training import accelerator, progress
from cellprune.training.fit import fit, require_fit
from cellprune.training.norms import reestimate
from cellprune.training.progress import PATIENCE_S, Event, Listener
from cellprune.training.sparse import MaskPolicy
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Request, Stage, walk

_READING = Event("data", message="reading the data set", after_s=PATIENCE_S)
_PLANNING = Event("data", message="looking at what fits into memory", after_s=PATIENCE_S)
_REPORTING = Event("report", message="measuring the network and writing its report", after_s=PATIENCE_S)


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
    engine = accelerator.start(runtime.device)
    settings = _resolved(settings, engine)
    task = tasks.of(settings)

    listeners = listeners if engine.is_main_process else ()
    with progress.phase(listeners, _READING):
        frames = task.open(settings.data, runtime.data_root)
        split = task.split(frames, settings.data)
    folder = Folder.open(runtime.output or runtime.runs / _name(settings, split.written()), runtime.resume)
    with record.locked(folder, engine):
        is_complete = record.is_complete(folder, settings, split.written(), engine)
        engine.wait_for_everyone()  # all have looked before the folder changes
        if is_complete:
            return folder
        architecture = architecture_of(settings, task, frames)
        size = task.input(frames, settings.data)
        room.require(architecture, settings, size, engine.device, engine.num_processes)
        # its name may be a typo: before any pixel
        model = initial_network(architecture, settings.seed).to(engine.device)
        work = Work(
            settings=settings,
            task=task,
            frames=frames,
            architecture=architecture,
            model=model,
            loaders=task.loaders(frames, split, settings, runtime.workers, engine.device),
            loss=task.loss(settings.training.loss),
            folder=folder,
            engine=engine,
            listeners=listeners,
        )
        stages = _stages(work)
        with progress.phase(listeners, _PLANNING):
            record.begin(work, split.written(), stages, command)
        if engine.is_main_process:
            work.say(task.preview(frames, split))
        if settings.pruning.stands_in:
            work, stages = _in_its_place(work), [Stage("init", {}, Static, settings.training.epochs)]
        masks = record.trained(work) if record.was_trained(folder) else _train(work, stages)
        if engine.is_main_process:
            _score(work)
            with progress.phase(listeners, _REPORTING):
                record.write_model(work, masks)
                record.write_cost(work, masks)
                record.require_whole(work, split.written())
                page.write(folder)
            record.finish(work, keep_state=runtime.keep_state)
        engine.wait_for_everyone()
    return folder


def settled(settings: Settings, *, runtime: Runtime) -> Settings:
    """Give the settings with every choice made that this machine and given masks make, as a run writes them down."""
    return _resolved(settings, accelerator.start(runtime.device))


def choose_masks(
    settings: Settings, listeners: Sequence[Listener] = (), *, runtime: Runtime | None = None
) -> tuple[Settings, Masks, MaskCost]:
    """Choose the masks that a run would train, and train nothing.

    Args:
        settings, listeners, runtime: as `run` takes them; the training decides nothing here but its loss and
            augmentation.
    Returns:
        The settings with every choice made, the masks, and what the network costs under them.
    Raises:
        CellpruneError: bad settings, missing data, or a ratio of 0, which leaves nothing to choose.
        WorkError: a loss or a score is NaN or infinite.
    """
    runtime = runtime or Runtime()
    engine = accelerator.start(runtime.device)
    settings = _resolved(settings, engine)
    if settings.pruning.method == "dense":
        raise CellpruneError("nothing is to be pruned (pruning.ratio is 0): give the share to remove, as --prune 0.9")
    if settings.pruning.stands_in or settings.pruning.control == "reinit":
        raise CellpruneError(
            f"pruning.control={settings.pruning.control} changes no masks: leave it to 'cellprune train'"
        )
    task = tasks.of(settings)
    with progress.phase(listeners, _READING):
        frames = task.open(settings.data, runtime.data_root)
        split = task.split(frames, settings.data)
    architecture = architecture_of(settings, task, frames)
    room.require(architecture, settings, task.input(frames, settings.data), engine.device, engine.num_processes)
    loaders = task.loaders(frames, split, settings, runtime.workers, engine.device)
    loss = task.loss(settings.training.loss)
    model = initial_network(architecture, settings.seed).to(engine.device)
    with progress.phase(listeners, _PLANNING):
        planned = selection.plan(settings, model, loaders, loss)
    with progress.phase(listeners, Event("scoring", message=_scoring(settings.pruning.method))) as tell:
        masks = selection.masks(settings, model, loaders, loss, planned, tell)
    counts = cost(model, task.input(frames, settings.data), masks)
    return settings, masks, MaskCost(**vars(counts), budget=selection.reached(settings.pruning, counts))


def is_there(settings: Settings, *, runtime: Runtime) -> bool:
    """Tell whether a run of these settings is finished in its folder of runs.

    Only configurations are compared, which is quick: where the data changed since, `run` trains anew.
    """
    settings = settled(settings, runtime=runtime)
    begins = _name(settings, None).rpartition("_")[0]
    there = (Folder(path) for path in runtime.runs.glob(f"{escape(begins)}_*"))
    return any(
        folder.finished and not config.differences(settings, config.recorded(folder.read_config())) for folder in there
    )


def _resolved(settings: Settings, engine: Accelerator) -> Settings:
    """Settle what "auto" means on this machine, so that the run's own file says it."""
    settings = selection.resolved(settings)
    precision = accelerator.precision(settings.training.precision, engine.device)
    training = settings.training.model_copy(update={"precision": precision})
    return settings.model_copy(update={"training": training})


def _name(settings: Settings, split: Split | None) -> str:
    pruning, digest = settings.pruning, config.digest(settings, {} if split is None else plain(split))
    return names.run_name(
        settings.data.dataset, settings.model.name, pruning.label, pruning.amount, settings.seed, digest
    )


def _stages(work: Work) -> list[Stage]:
    """List the trainings: one, under masks chosen at initialization, unless the method has its own list."""
    pruning, training, engine = work.settings.pruning, work.settings.training, work.engine
    if method(pruning.method).when not in ("around", "during"):
        return [Stage("init", lambda *_: _prune(work), Static, training.epochs)]
    request = Request(
        sparsity=pruning.ratio,
        scope=pruning.scope,
        exclude=pruning.exclude,
        epochs=training.epochs,
        steps_per_epoch=len(work.loaders.train(1, engine.process_index, engine.num_processes)),
        seed=work.settings.seed,
        input_size=work.task.input(work.frames, work.settings.data),
    )
    stages: list[Stage] = resolve("pruning method", pruning.method)(work.model, request, **pruning.options())
    return stages


def _prune(work: Work) -> Masks:
    """Prune at initialization, once; a resumed run finds its masks in its folder."""
    folder, pruning = work.folder, work.settings.pruning
    if pruning.method == "dense":
        return {}
    if work.engine.is_main_process and not folder.holds("masks"):
        folder.write_masks({name: mask.cpu().numpy() for name, mask in _choose(work).items()})
    work.engine.wait_for_everyone()
    if pruning.control == "reinit":  # the same masks on other weights of the same distribution
        work.model.load_state_dict(initial_network(work.architecture, work.settings.seed, 1).state_dict())
    return {name: torch.from_numpy(mask) for name, mask in folder.read_masks().items()}


def _in_its_place(work: Work) -> Work:
    """Put a small dense network where the pruned one would be; a resumed run finds its widths in its folder."""
    folder, settings = work.folder, work.settings
    if work.engine.is_main_process and not folder.has("cost"):
        size = work.task.input(work.frames, settings.data)
        try:
            masks = _choose(work)
        except CutOffError as cut:  # nothing is trained under them: they only say how large the small network may be
            masks = cut.masks
        chosen = small.instead(settings.pruning.control, work.architecture, masks, size)
        cost_file.write_control(folder.file("cost"), chosen)
    work.engine.wait_for_everyone()
    architecture = small.of_widths(work.architecture, cost_file.read_control(folder.file("cost")).widths)
    return replace(
        work, architecture=architecture, model=initial_network(architecture, settings.seed).to(work.engine.device)
    )


def _choose(work: Work) -> Masks:
    planned = dict(work.notes.made.segments)
    with work.phase("scoring", _scoring(work.settings.pruning.method)) as tell:
        return selection.masks(work.settings, work.model, work.loaders, work.loss, planned, tell)


def _scoring(by: str) -> str:
    return "reading the masks" if by == "given" else f"scoring the weights ({by})"


def _train(work: Work, stages: Sequence[Stage]) -> Masks:
    """Train through all stages, and give the masks that the last one ended with."""
    rewinds_to = max(stage.first_step for stage in stages)

    def train(policy: MaskPolicy, stage: Stage, number: int) -> None:
        work.notes.epochs = fit(
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

    def check(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        require_fit(work.model, arrays, meta)
        if not 1 <= meta["epoch"] <= stages[meta["stage"]].epochs:
            raise ValueError("it is of a longer training")

    stored = work.folder.load_state(check)
    if stored is None and work.folder.has("metrics"):
        LOGGER.warning("%s holds no complete state any more: its training begins anew", work.folder.path)
    reached = None if stored is None else stored[1]["stage"]
    masks = walk(work.model, stages, train, rewound=rewound, reached=reached)
    if work.engine.is_main_process:
        made, epochs = work.notes.made, work.notes.epochs
        work.notes.made = replace(made, epochs=len(epochs) + made.epochs_of_masks)
        work.note_time("training", sum(epoch.seconds for epoch in epochs))
    return {name: mask.cpu() for name, mask in masks.items()}


def _score(work: Work) -> None:
    """Score the last epoch's network, with the batch statistics that belong to it."""
    with work.phase("evaluation", "scoring what was held out") as tell:
        reestimate(work.model, work.loaders.plain())
        scores = work.task.scores(work.model, work.loaders, work.judged, tell)
        work.folder.write_scores(scores)
    if why := resolve("results", work.settings.task).metric.nothing(scores):
        log.LOGGER.warning(
            "the network learned nothing: %s; compare nothing with it, train longer or look at the data", why
        )
