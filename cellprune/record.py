"""What a run writes down: settings and data before any work, network and cost after it, last that it is complete."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from cellprune import selection
from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.models.receptive import receptive_field
from cellprune.pruning.masks import Masks, dead_layers
from cellprune.report import page
from cellprune.runs import log, provenance
from cellprune.runs.folder import Folder
from cellprune.structure import timing
from cellprune.structure.cost import cost
from cellprune.training.stages import Stage
from cellprune.work import Work, architecture_of, initial_network


@contextmanager
def held(folder: Folder, engine: Accelerator) -> Iterator[None]:
    """Hold the folder and its log; of several processes the main one alone does.

    A run that is refused while its masks are chosen, in the call that began it, is withdrawn: nothing was done yet.
    """
    if not engine.is_main_process:
        engine.wait_for_everyone()
        yield
        return
    is_new = not folder.has("config")
    with folder.lock():
        try:
            with log.kept(folder.log_path):
                engine.wait_for_everyone()
                yield
        except CellpruneError as error:
            if is_new and not isinstance(error, WorkError):
                folder.withdraw()
            raise


def is_complete(folder: Folder, settings: Settings, split: Mapping[str, Any], engine: Accelerator) -> bool:
    """Tell whether the run is complete, and mend what a late kill left.

    Raises:
        CellpruneError: the folder's run was started with other settings or other data.
    """
    if not folder.has("config"):
        return False
    changed = config.differences(settings, config.checked(folder.read_config(), str(folder.file("config"))))
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


def begin(work: Work, split: Mapping[str, Any], stages: Sequence[Stage], command: Sequence[str]) -> None:
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
            **({"epochs_of_masks": spent} if (spent := selection.epochs_spent(settings.pruning)) else {}),
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


def write_model(work: Work, masks: Masks) -> None:
    """Write masks and model file, and read the model back.

    Raises:
        WorkError: it is not this network, bit for bit.
    """
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
    found = cost(work.model, size, masks or None)
    found["bytes"] = {
        **{f"{name}_fp32": _bytes(network) for name, network in networks.items() if name != "pruned"},
        "model_file": work.folder.file("model").stat().st_size,
    }
    found["milliseconds"] = measured | {"threads": torch.get_num_threads(), "device": str(device)}
    found["dead_layers"] = dead_layers(masks)
    if work.settings.pruning.stands_in:
        found["control"] = work.folder.read_cost()["control"]
    elif masks:
        found["budget"] = selection.reached(work.settings.pruning, found)
        if not found["parameters"]["active"]:
            log.LOGGER.warning("no weight is left on a path from input to output, so the answer is always the same")
    work.folder.write_cost(found)


def _bytes(network: nn.Module) -> int:
    return sum(value.nbytes for value in network.state_dict().values())


def finish(work: Work, *, keep_state: bool) -> None:
    """Say that the run is complete, last of all."""
    work.folder.write_provenance(work.folder.read_provenance() | {"finished": provenance.now()})
    log.LOGGER.info("finished")
    if not keep_state:
        work.folder.drop_state()
