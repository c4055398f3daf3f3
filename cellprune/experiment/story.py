"""The story of one run, from a configuration to a report. Every line of `run` is one call into one room."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from cellprune.config.names import method, resolve
from cellprune.config.schema import Runtime, Settings
from cellprune.controls import small
from cellprune.data.parts import Frames
from cellprune.errors import CellpruneError
from cellprune.experiment import (
    choose,
    earlier,
    initial,
    kept_scores,
    latency,
    link_tuning,
    measure,
    record,
    settling,
    shared,
    teaching,
)
from cellprune.experiment.by_data import told_by_data
from cellprune.experiment.few import few_steps
from cellprune.experiment.opening import Opened, Setup, drawn, open_data, set_up
from cellprune.experiment.smaller import shrink, sized_by
from cellprune.experiment.whole_frames import advice
from cellprune.experiment.work import Trained, Work
from cellprune.pruning.connectivity import CutOffError
from cellprune.pruning.kinds import Masks, Segments
from cellprune.pruning.scoring import at_once
from cellprune.report import page, sentences
from cellprune.runs import log
from cellprune.runs.cost import MaskCost, StandIn
from cellprune.runs.folder import Folder
from cellprune.runs.layer_times import LayerTimes
from cellprune.runs.metrics import Epoch
from cellprune.runs.split import Split
from cellprune.training import progress
from cellprune.training.accelerator import start
from cellprune.training.checkpoint import Checkpoint
from cellprune.training.fit import fit
from cellprune.training.norms import reestimate
from cellprune.training.progress import PATIENCE_S, Event, Listener
from cellprune.training.sparse import MaskPolicy
from cellprune.training.sparse.removed import Removed
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, TrainingRequest, as_they_are, walk

_PLANNING = Event("data", message="looking at what fits into memory", after_s=PATIENCE_S)
# of the pixels that were trained on, counted in every epoch: so it takes some percent of the training's time at most
_TUNED_SHARE = 1 / 30
_REPORTING = Event("report", message="measuring the network and writing its report", after_s=PATIENCE_S)


def run(
    settings: Settings,
    listeners: Sequence[Listener] = (),
    *,
    runtime: Runtime | None = None,
    command: Sequence[str] = (),
    scores: Path | None = None,
    times: LayerTimes | None = None,
    frames: Frames | None = None,
) -> Folder:
    """Train one network, pruned or not, and leave a complete run folder.

    Args:
        settings: what is computed.
        listeners: watch the run; see `training.progress`.
        runtime: where it happens; nothing in it changes the result.
        command: the command line, for the record.
        scores: folder in which scores are kept that runs of other amounts need, too; no result depends on it.
        times: what layers take, where milliseconds decide; of settings that do not name them by
            `pruning.layer_times_sha256`, a run times its own if any is missing.
        frames: the data, in the place of those that the settings name: a set of torch data sets, see
            `cellprune.data.labelled.datasets.labelled`. To go on with the run, give them again.
    Returns:
        The folder of the finished run.
    Raises:
        CellpruneError: refused before any work: bad settings, missing data, an output folder that is not free.
        WorkError: failed on its way; what was complete stays, and `resume` goes on from there.
    Example:
        >>> from cellprune.config.load import load
        >>> small = ["model.width=2", "model.depth=1", "data.size=[32, 32]", "training.epochs=1"]
        >>> folder = run(load(assignments=["data.dataset=simulated", *small]))
        >>> folder.finished
        True
    """
    runtime = runtime or Runtime()
    accelerator = start(runtime.device)
    listeners = listeners if accelerator.is_main_process else ()
    opened = open_data(settling.settled(settings, accelerator.device), runtime.data_root, listeners, frames)
    folder = Folder.open(runtime.output or _shared(runtime, opened), runtime.resume)
    opened = earlier.known_by(folder, opened)
    settings, split = opened.settings, opened.split.written()
    with record.locked(folder, accelerator):
        earlier.require_same(folder, settings, split)
        is_complete = earlier.is_complete(folder, settings)
        accelerator.wait_for_everyone()  # all have looked before the folder changes
        if is_complete:
            if accelerator.is_main_process:
                record.mend(folder, opened)
            return folder
        teaching.require(opened)
        setup = set_up(opened, accelerator, runtime.workers)
        stages = _stages(setup)
        with progress.phase(listeners, _PLANNING):
            segments = _segments(setup, folder)
            made = record.begin(setup, folder, segments, stages, command)
        work = Work(setup, folder, listeners, made, scores)
        if work.is_main:
            per_epoch = len(setup.loaders.train(1, accelerator.process_index, accelerator.num_processes))
            few = few_steps(settings.training, per_epoch, is_whole=settings.task == "classification")
            work.say([*opened.task.preview(opened.frames, opened.split), *few])
            work.say(advice(settings, opened.frames, setup.loaders))
            work.say(initial.seen_before(settings.training.init, split))
        work.setup = _timed(work, times)
        stand_in = _stand_in(work, segments)
        if earlier.was_trained(folder):
            work.setup, trained = earlier.trained(folder, work.setup)
        else:
            masks = _masks(work, segments)
            work.setup = shrink(work.setup, masks)  # whole channels: a smaller network from here on
            checkpoint = earlier.checkpoint(folder, work.setup.network, stages)
            trained = _train(work, stages, masks, checkpoint)
            work.setup = shrink(work.setup, trained.masks)  # by masks that came of the training
        if work.is_main:
            _judge(work, trained)
            with progress.phase(listeners, _REPORTING):
                record.write_model(work, trained)
                size = folder.file("model").stat().st_size
                folder.write_cost(measure.cost_of_run(work.setup, trained.masks, stand_in, size))
                record.require_whole(work, trained)
                page.write(folder)
            record.finish(work, keep_state=runtime.keep_state)
        accelerator.wait_for_everyone()
    return folder


def settled(settings: Settings, *, runtime: Runtime) -> Settings:
    """Give the settings with every choice made that machine, data and given masks make, as a run writes them down."""
    return told_by_data(settling.settled(settings, start(runtime.device).device), runtime.data_root)


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
    accelerator = start(runtime.device)
    settings = settling.settled(settings, accelerator.device)
    if settings.pruning.method == "dense":
        raise CellpruneError("nothing is to be pruned (pruning.ratio is 0): give the share to remove, as --prune 0.9")
    if settings.pruning.control.startswith(("reinit", "narrow", "flat")):
        raise CellpruneError(
            f"pruning.control={settings.pruning.control} changes no masks: leave it to 'cellprune train'"
        )
    setup = set_up(open_data(settings, runtime.data_root, listeners), accelerator, runtime.workers)
    settings = setup.settings
    with progress.phase(listeners, _PLANNING):
        segments = choose.segments(setup)
    if settings.pruning.times_layers:
        with progress.phase(listeners, Event("timing", message=latency.timing(settings))) as tell:
            setup, _ = latency.timed(setup, tell=tell)
    with progress.phase(listeners, Event("scoring", message=_scoring(settings.pruning.method))) as tell:
        masks = choose.masks(setup, segments, tell)
    return settings, masks, measure.cost_of_masks(setup, masks)


def is_there(settings: Settings, *, runtime: Runtime) -> bool:
    """Tell whether a run of these settings is finished in its folder of runs; see `shared.is_there`."""
    return shared.is_there(runtime.runs, settled(settings, runtime=runtime))


def split_of(settings: Settings, *, runtime: Runtime) -> Split:
    """Give how a run of these settings would split the data, as its split.yaml says it.

    Raises:
        CellpruneError: no such data, data that cannot be split so, or a teacher that cannot teach on them.
    """
    opened = open_data(settings, runtime.data_root)
    teaching.require(opened)
    return opened.split.written()


def _shared(runtime: Runtime, opened: Opened) -> Path:
    """Give the run's folder among the others; who goes on takes a finished run of any name."""
    settings, split = opened.settings, opened.split.written()
    there = shared.finished_in(runtime.runs, settings, split) if runtime.resume else None
    return there or shared.folder_in(runtime.runs, settings, split)


def _stages(setup: Setup) -> list[Stage]:
    """List the trainings: one, under masks chosen at initialization, unless the method has its own list."""
    pruning, training, accelerator = setup.settings.pruning, setup.settings.training, setup.accelerator
    if not _learns_masks(setup.settings):
        return [Stage("init", as_they_are, Removed if pruning.shrinks else Static, training.epochs)]
    asked = pruning.request(setup.settings.seed)
    request = TrainingRequest(
        sparsity=pruning.ratio,
        asked=asked if asked.unit else None,
        scope=pruning.scope,
        exclude=pruning.exclude,
        epochs=training.epochs,
        steps_per_epoch=len(setup.loaders.train(1, accelerator.process_index, accelerator.num_processes)),
        seed=setup.settings.seed,
        input_size=setup.opened.input_size,
    )
    stages: list[Stage] = resolve("pruning method", pruning.method)(setup.network, request, **pruning.options())
    return stages


def _learns_masks(settings: Settings) -> bool:
    """Tell whether masks come of training, not before it."""
    return method(settings.pruning.method).when in ("around", "during")


def _segments(setup: Setup, folder: Folder) -> Segments:
    """Give what memory allows of the scoring, which only the main process does, as the run's first call found it."""
    known = earlier.segments(folder)
    if known is not None:
        return known
    return choose.segments(setup) if setup.accelerator.is_main_process else {}


def _timed(work: Work, given: LayerTimes | None) -> Setup:
    """Have at hand what layers take, where that decides: as the run's first call had it, before any scoring."""
    setup, folder = work.setup, work.folder
    if not (work.is_main and work.settings.pruning.times_layers):
        return setup
    if folder.holds("layer_times"):
        return latency.timed(setup, folder.read_layer_times())[0]
    if work.settings.pruning.layer_times_sha256 is not None:
        setup, times = latency.timed(setup, given)
    else:
        with work.phase("timing", latency.timing(work.settings)) as tell:
            setup, times = latency.timed(setup, given, tell)
    folder.write_layer_times(times)
    return setup


def _stand_in(work: Work, segments: Segments) -> StandIn | None:
    """Put a small dense network where a pruned one would be, if it is asked for; chosen in the run's first call."""
    setup, pruning = work.setup, work.settings.pruning
    if not pruning.stands_in:
        return None
    if work.is_main and work.made.control is None:
        work.note(replace(work.made, control=_small(work, segments)))
    setup.accelerator.wait_for_everyone()
    chosen = work.made.control or work.folder.read_provenance().control  # by the main process
    assert chosen is not None
    architecture = setup.architecture.with_widths(chosen.widths)
    network = drawn(architecture, work.settings.seed).to(setup.device)
    work.setup = replace(setup, architecture=architecture, network=network)
    return chosen


def _small(work: Work, segments: Segments) -> StandIn:
    """Find the small dense network: of a family within a budget, or a control that costs what masks leave."""
    setup, pruning = work.setup, work.settings.pruning
    whole, size = setup.architecture, setup.opened.input_size
    if pruning.fills_budget:
        family, sizing = sized_by(setup.opened, setup.table)
        made = cast(StandIn, resolve("pruning method", family)(whole, pruning.request().share, sizing))
    else:
        try:
            masks = _scored_masks(work, segments)
        except CutOffError as cut:  # nothing is trained under them: they only say how large the small network may be
            masks = cut.masks
        made = small.instead(pruning.control, whole, masks, size, pruning.rounding, setup.table)
    if setup.table is not None:
        clock, stored = latency.Clock.of(work.settings, setup.device), work.folder.read_layer_times()
        work.folder.write_layer_times(latency.kept(clock, setup.table, stored))
    return made


def _masks(work: Work, segments: Segments) -> Masks:
    """Choose the masks at initialization, once: a resumed run, and every other process, finds them in its folder."""
    folder, setup, pruning = work.folder, work.setup, work.settings.pruning
    if pruning.method == "dense" or pruning.stands_in or _learns_masks(work.settings):
        return {}
    if work.is_main and not folder.holds("masks"):
        folder.write_masks({name: mask.cpu().numpy() for name, mask in _scored_masks(work, segments).items()})
    setup.accelerator.wait_for_everyone()
    if pruning.control == "reinit":  # the same masks on other weights of the same distribution
        setup.network.load_state_dict(drawn(setup.architecture, work.settings.seed, 1).state_dict())
    return {name: torch.from_numpy(mask) for name, mask in folder.read_masks().items()}


def _scored_masks(work: Work, segments: Segments) -> Masks:
    with work.phase("scoring", _scoring(work.settings.pruning.method)) as tell:
        once = kept_scores.kept_in(work.scores, work.setup, segments) if work.scores else at_once
        return choose.masks(work.setup, segments, tell, once)


def _scoring(by: str) -> str:
    return "reading the masks" if by == "given" else f"scoring the weights ({by})"


def _train(work: Work, stages: Sequence[Stage], masks: Masks, checkpoint: Checkpoint | None) -> Trained:
    """Train through all stages.

    Args:
        masks: that were chosen before training.
        checkpoint: a state to go on from.
    """
    setup, epochs = work.setup, list[Epoch]()
    guide = teaching.distillation(setup)
    rewinds_to = max(stage.first_step for stage in stages)

    def train(policy: MaskPolicy, stage: Stage, number: int) -> None:
        epochs[:] = fit(
            setup.network,
            policy,
            setup.loaders.train,
            settings=work.settings.training,
            epochs=stage.epochs,
            seed=work.settings.seed,
            stage=number,
            first_step=stage.first_step,
            keep_step=0 if number else rewinds_to,
            message=f"training {number + 1} of {len(stages)}: {stage.does}" if len(stages) > 1 else "",
            loss=setup.loss if guide is None else setup.opened.task.loss_of_annotated(setup.loss),
            guide=guide,
            evaluate=lambda network: setup.opened.task.watch(network, setup.loaders, work.judged),
            accelerator=setup.accelerator,
            store=work.folder,
            listeners=work.listeners,
            before=epochs,
            checkpoint=checkpoint if checkpoint is not None and checkpoint.stage == number else None,
        )

    def rewound() -> dict[str, Tensor]:
        return {name: torch.from_numpy(value) for name, value in work.folder.load_rewind().items()}

    reached = None if checkpoint is None else checkpoint.stage
    ended_with = walk(setup.network, stages, train, masks=masks, rewound=rewound, reached=reached)
    if work.is_main:
        work.note(replace(work.made, epochs=len(epochs) + work.made.epochs_of_masks))
        work.note_time("training", sum(epoch.seconds for epoch in epochs))
    return Trained({name: mask.cpu() for name, mask in ended_with.items()}, epochs)


def _judge(work: Work, trained: Trained) -> None:
    """Score the last epoch's network, with the batch statistics that belong to it, and its decoder tuned."""
    reestimate(work.setup.network, work.setup.loaders.plain())
    work.setup = _tuned(work, trained)
    setup = work.setup
    with work.phase("evaluation", "scoring what was held out") as tell:
        scores = setup.opened.task.scores(setup.network, setup.loaders, work.judged, None, tell)
        work.folder.write_scores(scores)
    if why := resolve("results", work.settings.task).metric.nothing(scores):
        log.LOGGER.warning(
            "the network learned nothing: %s; compare nothing with it, train longer or look at the data", why
        )


def _tuned(work: Work, trained: Trained) -> Setup:
    """Choose the numbers of the decoder on the training part, once: a resumed run finds them in its folder."""
    setup, folder, settings = work.setup, work.folder, work.settings
    task, (_, height, width) = setup.opened.task, setup.opened.input_size
    if not folder.holds("tuning"):
        if task.tune is None or not settings.tunes:
            return setup
        n_images = len(setup.loaders.train(1)) * settings.training.batch_size
        trained_px = len(trained.epochs) * n_images * height * width
        with work.phase("tuning", "tuning the decoder on what was learned from") as tell:
            tuning = task.tune(setup.network, setup.loaders, settings.decoder, _TUNED_SHARE * trained_px, None, tell)
            tuning = replace(tuning, links=link_tuning.of(setup.opened.frames, setup.opened.split))
        folder.write_tuning(tuning)
        work.say([sentences.tuned(tuning), *sentences.links(tuning.links)])
    return replace(setup, loaders=task.decoded_by(setup.loaders, folder.read_tuning().after.decoder))
