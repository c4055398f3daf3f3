"""What a run writes down: settings and data before any work, network and cost after it, last that it is complete."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from accelerate import Accelerator
from torch import nn

from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.experiment import choose as selection
from cellprune.experiment import lost
from cellprune.experiment.work import Work, architecture_of, initial_network
from cellprune.models.receptive import receptive_field
from cellprune.pruning.masks import Masks, dead_layers
from cellprune.report import page
from cellprune.runs import cost as cost_file
from cellprune.runs import log, provenance
from cellprune.runs.cost import Bytes, Cost, Milliseconds
from cellprune.runs.documents import plain
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.split import Split
from cellprune.structure import timing
from cellprune.structure.cost import cost
from cellprune.training.stages import Stage


@contextmanager
def locked(folder: Folder, engine: Accelerator) -> Iterator[None]:
    """Hold the folder and its log; of several processes the main one alone does.

    A run that is refused while its masks are chosen, in the call that began it, is withdrawn: nothing was done yet.
    """
    if not engine.is_main_process:
        engine.wait_for_everyone()
        yield
        return
    is_new = not any(folder.has(kind) for kind in FILES)
    with folder.lock():
        try:
            with log.kept(folder.log_path):
                engine.wait_for_everyone()
                yield
        except CellpruneError as error:
            if is_new and not isinstance(error, WorkError):
                folder.withdraw()
            raise


def is_complete(folder: Folder, settings: Settings, split: Split, engine: Accelerator) -> bool:
    """Tell whether the run is complete, and mend what a late kill left, or what was lost and costs no work.

    Raises:
        CellpruneError: the folder's run was started with other settings or other data, nobody can tell with which,
            or it was finished and has lost what nothing is left to make it from.
    """
    lost.require_same(folder, settings, split)
    if not (folder.holds("provenance") and folder.finished):
        return False
    gone = lost.kinds(folder, settings)
    if not folder.has_state and (never := [kind for kind in ("model", "metrics") if kind in gone]):
        raise CellpruneError(
            f"{folder.file(never[0])} is gone or damaged, and the run is finished, so no training state is left to "
            "make it from: restore it, or train again in another --output"
        )
    if gone - {"config", "split", "report"}:
        return False
    if engine.is_main_process:
        log.LOGGER.warning("%s is finished already", folder.path)
        lost.write_known(folder, settings, split)
        if "report" in gone:
            page.write(folder)
        folder.drop_state()
    return True


def begin(work: Work, split: Split, stages: Sequence[Stage], command: Sequence[str]) -> None:
    """Write down what is known before any work, once: what memory allows now is kept for every resume."""
    folder, settings, engine = work.folder, work.settings, work.engine
    if not engine.is_main_process:
        return
    began, is_new = folder.holds("provenance"), not folder.has_work
    if began:
        made = replace(folder.read_provenance(), finished=None)  # of a run that lost a file since
    else:
        if is_new:
            weights = sum(p.nbytes for p in work.model.parameters())
            folder.require_space(11 * weights + 50_000_000)  # three states (weights, two moments), the model, the page
        else:
            log.LOGGER.warning("%s is gone or damaged: it is written anew", folder.file("provenance"))
        made = provenance.begin(
            command,
            threads=torch.get_num_threads(),
            device=str(engine.device),
            precision=settings.training.precision,
            processes=engine.num_processes,
            data=provenance.Data(settings.data.dataset, config.digest(settings, plain(split))),
            segments=selection.plan(settings, work.model, work.loaders, work.loss),
            stages=[stage.does for stage in stages],
            epochs_of_masks=selection.epochs_spent(settings.pruning),
        )
    if began or not is_new:
        made = replace(made, resumed=(*made.resumed, provenance.now()))
    work.notes.made = made
    lost.write_known(folder, settings, split)
    folder.write_provenance(made)
    if began or not is_new:
        log.LOGGER.info("resumed")
    else:
        log.LOGGER.info("started with %s", " ".join(command) or "cellprune.run")


def was_trained(folder: Folder) -> bool:
    """Tell whether the run was finished once: its network is there, and the states it came from are not."""
    return not folder.has_state and all(map(folder.holds, ("model", "metrics"))) and lost.tells_every_epoch(folder)


def trained(work: Work) -> Masks:
    """Take up the network of a run that was finished once, and give its masks.

    Raises:
        CellpruneError: the model file is of another network.
    """
    _, weights, masks = work.folder.read_model()
    try:
        work.model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    except RuntimeError as error:
        raise CellpruneError(
            f"{work.folder.file('model')} is of another network than the run's settings: restore it, or train again in "
            "another --output"
        ) from error
    work.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    work.notes.epochs = work.folder.read_metrics()
    return {name: torch.from_numpy(mask) for name, mask in masks.items()}


def write_model(work: Work, masks: Masks) -> None:
    """Write masks and model file, and read the model back.

    Raises:
        WorkError: it is not this network, bit for bit.
    """
    if masks:  # what was chosen before the training stands there already, and is the same
        work.folder.write_masks({name: mask.numpy() for name, mask in masks.items()})
    field = receptive_field(work.model, work.architecture["in_channels"])
    header = {
        "architecture": work.architecture,
        **work.task.header(work.frames, work.settings),
        "receptive_field": None if field is None else field.model_dump(),
        "provenance_sha256": provenance.digest(work.notes.made),
    }
    weights = {name: value.detach().cpu().contiguous().numpy() for name, value in work.model.state_dict().items()}
    work.folder.write_model(header, weights, {name: mask.numpy() for name, mask in masks.items()})
    _, stored, _ = work.folder.read_model()
    for name, value in weights.items():
        if stored[name].tobytes() != value.tobytes():
            raise WorkError(
                f"{work.folder.file('model')} does not read back as written ({name}): check the disk, --resume"
            )


def write_cost(work: Work, masks: Masks) -> None:
    """Write what the network costs, dense and pruned: counted, and measured on this machine."""
    device, size = work.engine.device, work.task.input(work.frames, work.settings.data)
    networks = {"dense": initial_network(work.architecture, work.settings.seed).to(device)}
    if masks:
        networks["pruned"] = work.model
    if work.settings.pruning.stands_in:
        whole = initial_network(architecture_of(work.settings, work.task, work.frames), work.settings.seed)
        networks["whole"] = whole.to(device)
    measured = timing.milliseconds(networks, torch.randn(1, *size, device=device))
    counts, stands_in = cost(work.model, size, masks or None), work.settings.pruning.stands_in
    work.folder.write_cost(
        Cost(
            **vars(counts),
            bytes=Bytes(
                dense_fp32=_bytes(networks["dense"]),
                whole_fp32=_bytes(networks["whole"]) if stands_in else None,
                model_file=work.folder.file("model").stat().st_size,
            ),
            milliseconds=Milliseconds(
                dense=measured["dense"],
                pruned=measured.get("pruned"),
                whole=measured.get("whole"),
                repeats=int(measured["repeats"]),
                threads=torch.get_num_threads(),
                device=str(device),
            ),
            dead_layers=tuple(dead_layers(masks)),
            budget=selection.reached(work.settings.pruning, counts) if masks and not stands_in else None,
            control=cost_file.read_control(work.folder.file("cost")) if stands_in else None,
        )
    )
    if masks and not counts.parameters.active:
        log.LOGGER.warning("no weight is left on a path from input to output, so the answer is always the same")


def _bytes(network: nn.Module) -> int:
    return sum(value.nbytes for value in network.state_dict().values())


def require_whole(work: Work, split: Split) -> None:
    """Write again what this process knows, and check that the rest is there to make the report from.

    Raises:
        WorkError: a file went away, or was damaged, while the run worked.
    """
    folder = work.folder
    folder.write_provenance(work.notes.made)
    folder.write_metrics(work.notes.epochs)
    lost.write_known(folder, work.settings, split)
    _refuse_lost(folder, lost.kinds(folder, work.settings) - {"report"})


def _refuse_lost(folder: Folder, gone: set[str]) -> None:
    if gone:
        names = ", ".join(sorted(FILES[kind] for kind in gone))
        raise WorkError(
            f"{folder.path} lost {names} while the run worked: go on with --resume, which makes it again; nothing else "
            "may write or remove files there"
        )


def finish(work: Work, *, keep_state: bool) -> None:
    """Say that the run is complete, last of all and only if every file is there.

    Raises:
        WorkError: a file went away, or was damaged, while the run worked.
    """
    _refuse_lost(work.folder, lost.kinds(work.folder, work.settings))
    work.folder.write_provenance(replace(work.notes.made, finished=provenance.now()))
    log.LOGGER.info("finished")
    if not keep_state:
        work.folder.drop_state()
