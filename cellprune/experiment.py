"""The story of one run, from a configuration to a report. Every line is one call into one room."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cellprune import models, tasks
from cellprune.config import load as config
from cellprune.config.schema import Runtime, Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.masks import dead_layers
from cellprune.pruning.prune import plan, prune
from cellprune.report import page
from cellprune.runs import names, provenance
from cellprune.runs.folder import Folder
from cellprune.structure import timing
from cellprune.structure.cost import cost
from cellprune.training import engine as engines
from cellprune.training.fit import fit, reseed
from cellprune.training.progress import Event, Listener
from cellprune.training.sparse import MaskPolicy
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, walk
from cellprune.training.statistics import reestimate

_log = logging.getLogger("cellprune")


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
    listeners = listeners if engine.is_main_process else ()
    settings = _resolved(settings, engine)
    task = tasks.of(settings)

    frames = task.open(settings.data, runtime.data_root)
    split = task.split(frames, settings.data)
    digest = config.digest(settings, split.as_dict())
    folder = Folder.open(runtime.output or Path("runs") / _name(settings, digest), runtime.resume)
    with _held(folder, engine):
        if _continues(folder, settings, split.as_dict()) and folder.finished:
            _log.warning("%s is finished already", folder.path)
            if not folder.has("report") and engine.is_main_process:
                page.write(folder)
            folder.drop_state()  # a kill may have come between the end and the clearing up
            return folder
        _log.info("started with %s", " ".join(command) or "cellprune.run")
        model = _network(settings, task.network(frames))
        record = _begin(folder, settings, split.as_dict(), model, engine, command)
        loaders = task.loaders(frames, split, settings, runtime.workers)
        loss = task.loss(settings.training.loss)

        masks = _masks(folder, settings, model, loaders, loss, engine, record, listeners)
        stages = [Stage("init", masks, Static, settings.training.epochs)]

        def train(policy: MaskPolicy, epochs: int, stage: int) -> None:
            fit(
                model,
                policy,
                loaders.train,
                settings=settings.training,
                epochs=epochs,
                seed=settings.seed,
                stage=stage,
                loss=loss,
                evaluate=lambda network: task.watch(network, loaders),
                engine=engine,
                store=folder,
                listeners=listeners,
            )

        walk(model, stages, train, reached=_stage(folder))
        if engine.is_main_process:
            _conclude(folder, settings, task, frames, model, loaders, masks, record, listeners)
            _log.info("finished %s", folder.path.name)
            if not runtime.keep_state:
                folder.drop_state()
        engine.wait_for_everyone()
    return folder


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
    split = task.whole(frames, data) if dataset is not None else task.again(frames, folder.read_split(), part)
    engine = engines.start(device)
    model = models.load(path).to(engine.device)
    loaders = task.loaders(frames, split, settings, 0)
    return {"schema": 1, "task": settings.task, "policy": data.truth} | task.scores(model, loaders, "report")


def _resolved(settings: Settings, engine: Accelerator) -> Settings:
    """Settle what "auto" means on this machine, so that the run's own file says it."""
    settings = config.resolve(settings)
    precision = engines.precision(settings.training.precision, engine.device)
    training = settings.training.model_copy(update={"precision": precision})
    return settings.model_copy(update={"training": training})


def _name(settings: Settings, digest: str) -> str:
    pruning = settings.pruning
    return names.run_name(
        settings.data.dataset, settings.model.name, pruning.method, pruning.ratio, settings.seed, digest
    )


@contextmanager
def _held(folder: Folder, engine: Accelerator) -> Iterator[None]:
    """Hold the folder and write the log into it; only the main process does."""
    if not engine.is_main_process:
        engine.wait_for_everyone()
        yield
        return
    with folder.lock():
        log = logging.FileHandler(folder.log_path, delay=True, encoding="utf-8")  # a refused run writes nothing
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        _log.setLevel(logging.INFO)
        _log.addHandler(log)
        engine.wait_for_everyone()
        try:
            yield
        finally:
            _log.removeHandler(log)
            log.close()


def _continues(folder: Folder, settings: Settings, split: Mapping[str, Any]) -> bool:
    """Tell whether a run stands here already; refuse one of other settings or other data."""
    if not folder.has("config"):
        return False
    changed = config.differences(settings, Settings.model_validate(folder.read_config()))
    if changed:
        raise config.ConfigError(
            f"{folder.path} was started with other settings ({'; '.join(changed)}): give the same, or another --output"
        )
    if folder.has("split") and folder.read_split() != split:
        raise CellpruneError(
            f"the data changed since {folder.path} was started: bring it back, or take another --output"
        )
    return True


def _network(settings: Settings, given: Mapping[str, int]) -> nn.Module:
    reseed(settings.seed)
    return models.build({**settings.model.model_dump(), **given})


def _begin(
    folder: Folder,
    settings: Settings,
    split: Mapping[str, Any],
    model: nn.Module,
    engine: Accelerator,
    command: Sequence[str],
) -> dict[str, Any]:
    """Write what is known before any work; give the record that the run completes."""
    if not engine.is_main_process:
        return {"times": {}}
    if folder.has("provenance"):
        record = folder.read_provenance()
        record["resumed"] = [*record.get("resumed", []), provenance.now()]
    else:
        n_bytes = sum(p.nbytes for p in model.parameters())
        folder.require_space(11 * n_bytes + 50_000_000)  # three states of weights and two moments, the model, the page
        record = provenance.gather(command) | {
            "threads": torch.get_num_threads(),
            "device": str(engine.device),
            "precision": settings.training.precision,
            "processes": engine.num_processes,
            "data": {"dataset": settings.data.dataset, "sha256": config.digest(settings, split)},
            "times": {},
        }
    folder.write_config(settings.model_dump(mode="json"))
    folder.write_split(split)
    folder.write_provenance(record)
    return record


def _masks(
    folder: Folder,
    settings: Settings,
    model: nn.Module,
    loaders: Any,
    loss: Any,
    engine: Accelerator,
    record: dict[str, Any],
    listeners: Sequence[Listener],
) -> dict[str, Tensor]:
    """Prune at initialization, once; a resumed run finds its masks in its folder."""
    pruning = settings.pruning
    if pruning.method == "dense":
        return {}
    if engine.is_main_process and not folder.has("masks"):
        clock = perf_counter()
        event = Event("scoring", message=f"scoring the weights ({pruning.method})")
        for listener in listeners:
            listener.started(event)
        model.to(engine.device)
        asked = {"method": pruning.method, "loss": loss, **pruning.options()}
        if "segments" not in record:  # what memory allows now, kept for every resume
            record["segments"] = plan(model, batches=loaders.scoring(pruning.batch_size), **asked)
            folder.write_provenance(record)
        masks = prune(
            model,
            sparsity=pruning.ratio,
            batches=loaders.scoring(pruning.batch_size),  # from the start, whether it was looked at before or not
            scope=pruning.scope,
            exclude=pruning.exclude,
            seed=settings.seed,
            **asked,
            **record["segments"],
        )
        record["times"]["scoring_s"] = round(perf_counter() - clock, 3)
        folder.write_provenance(record)
        folder.write_masks({name: mask.cpu().numpy() for name, mask in masks.items()})
        for listener in listeners:
            listener.finished(event)
    engine.wait_for_everyone()
    return {name: torch.from_numpy(mask) for name, mask in folder.read_masks().items()}


def _stage(folder: Folder) -> int | None:
    stored = folder.load_state()
    return None if stored is None else int(stored[1]["stage"])


def _conclude(
    folder: Folder,
    settings: Settings,
    task: tasks.Task,
    frames: Any,
    model: nn.Module,
    loaders: Any,
    masks: Mapping[str, Tensor],
    record: dict[str, Any],
    listeners: Sequence[Listener],
) -> None:
    """Score the last epoch's network, save it, count its cost, write the page; `finished` comes last of all."""
    event = Event("evaluation", message="scoring the held-out frames")
    for listener in listeners:
        listener.started(event)
    clock = perf_counter()
    device = next(model.parameters()).device
    reestimate(model, (images.to(device) for images, _ in loaders.plain()))
    model.eval()
    heading = {"schema": 1, "task": settings.task, "policy": settings.data.truth}
    folder.write_scores(heading | task.scores(model, loaders, "report"))
    record["times"]["evaluation_s"] = round(perf_counter() - clock, 3)

    weights = {name: value.detach().cpu().contiguous().numpy() for name, value in model.state_dict().items()}
    network = {**settings.model.model_dump(), **task.network(frames)}
    header = {"architecture": network, **task.header(frames, settings), "provenance_sha256": _fingerprint(record)}
    folder.write_model(header, weights, {name: mask.cpu().numpy() for name, mask in masks.items()})
    _check_model(folder, weights)

    size = (network["in_channels"], *settings.data.size)
    networks = {"pruned": model} if masks else {}
    networks["dense"] = models.build(network).to(device)
    found = cost(model, size, masks or None)
    found["bytes"] = {
        "dense_fp32": sum(value.nbytes for value in weights.values()),
        "model_file": folder.file("model").stat().st_size,
    }
    milliseconds = timing.milliseconds(networks, torch.randn(1, *size, device=device))
    found["milliseconds"] = milliseconds | {"threads": torch.get_num_threads(), "device": str(device)}
    found["dead_layers"] = dead_layers(masks)
    folder.write_cost(found)

    record["times"]["training_s"] = round(sum(row["seconds"] for row in folder.read_metrics()), 3)
    folder.write_provenance(record)
    page.write(folder)
    folder.write_provenance(record | {"finished": provenance.now()})
    for listener in listeners:
        listener.finished(event)


def _check_model(folder: Folder, weights: Mapping[str, Any]) -> None:
    """Read the saved network back: it must be this one, bit for bit."""
    _, stored, _ = folder.read_model()
    for name, value in weights.items():
        if stored[name].tobytes() != value.tobytes():
            raise WorkError(f"{folder.file('model')} does not read back as written ({name}): check the disk, --resume")


def _fingerprint(record: Mapping[str, Any]) -> str:
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
