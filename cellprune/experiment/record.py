"""What a run writes down: settings and data before any work, the network after it, last that it is complete."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from accelerate import Accelerator

from cellprune.config import load as config
from cellprune.config import own
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.experiment import earlier, link_tuning
from cellprune.experiment.measure import disk_bytes
from cellprune.experiment.opening import Opened, Setup
from cellprune.experiment.work import Trained, Work
from cellprune.models.receptive import receptive_field
from cellprune.pruning.kinds import Segments
from cellprune.report import page
from cellprune.runs import documents, log, provenance
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.provenance import Provenance
from cellprune.runs.split import Split
from cellprune.training.stages import Stage


@contextmanager
def locked(folder: Folder, accelerator: Accelerator) -> Iterator[None]:
    """Lock the folder and keep its log; of several processes the main one alone does.

    A run that is refused while its masks are chosen, in the call that began it, is withdrawn: nothing was done yet.
    """
    if not accelerator.is_main_process:
        accelerator.wait_for_everyone()
        yield
        return
    is_new = not any(folder.has(kind) for kind in FILES)
    with folder.lock():
        try:
            with log.kept(folder.log_path):
                accelerator.wait_for_everyone()
                yield
        except CellpruneError as error:
            if is_new and not isinstance(error, WorkError):
                folder.withdraw()
            raise


def mend(folder: Folder, opened: Opened) -> None:
    """Make again what a complete run lost and costs no work, and remove what a late kill left."""
    log.LOGGER.warning("%s is finished already", folder.path)
    write_known(folder, opened.settings, opened.split.written())
    if not folder.holds("report"):
        page.write(folder)
    folder.drop_state()


def begin(
    setup: Setup, folder: Folder, segments: Segments, stages: Sequence[Stage], command: Sequence[str]
) -> Provenance:
    """Write down what is known before any work.

    Args:
        segments: what memory allows, kept for every resume.
        stages: the trainings of the run.
        command: the command line.
    Returns:
        The content of provenance.json.
    """
    began, is_new = folder.holds("provenance"), not folder.has_work
    made = folder.read_provenance() if began else _begun(setup, segments, stages, command)
    if not setup.accelerator.is_main_process:
        return made
    if is_new and not began:
        folder.require_space(disk_bytes(setup.network))
    elif not began:
        log.LOGGER.warning("%s is gone or damaged: it is written anew", folder.file("provenance"))
    if began or not is_new:  # it may have been finished, and have lost a file since
        made = replace(made, finished=None, resumed=(*made.resumed, provenance.now()))
    write_known(folder, setup.settings, setup.opened.split.written())
    folder.write_provenance(made)
    if made.resumed:
        log.LOGGER.info("resumed")
    else:
        log.LOGGER.info("started with %s", " ".join(command) or "cellprune.run")
    return made


def _begun(setup: Setup, segments: Segments, stages: Sequence[Stage], command: Sequence[str]) -> Provenance:
    settings, split = setup.settings, setup.opened.split.written()
    return provenance.begin(
        command,
        threads=torch.get_num_threads(),
        device=str(setup.device),
        precision=settings.training.precision,
        processes=setup.accelerator.num_processes,
        data=provenance.Data(settings.data.dataset, config.digest(settings, documents.plain(split))),
        segments=segments,
        stages=[stage.does for stage in stages],
        epochs_of_masks=earlier.epochs_spent(settings.pruning),
    )


def write_known(folder: Folder, settings: Settings, split: Split) -> None:
    """Write settings, split and the user's own code where they were lost; those of another hash stay."""
    is_ours = earlier.has_hash_of(folder, settings, split)
    asked = settings.model_dump(mode="json")
    if not folder.holds("config") or (is_ours and folder.read_config() != asked):
        folder.write_config(asked)
    if settings.model.is_own and not folder.holds("network"):
        folder.write_network(own.source(settings.model.name))
    if not folder.holds("split") or (is_ours and folder.read_split() != split):
        folder.write_split(split)


def write_model(work: Work, trained: Trained) -> None:
    """Write masks and model file, and read the model back.

    Raises:
        WorkError: it is not this network, bit for bit.
    """
    setup, opened = work.setup, work.setup.opened
    masks = {name: mask.numpy() for name, mask in trained.masks.items()}
    if masks:  # what was chosen before the training stands there already, and is the same
        work.folder.write_masks(masks)
    field = receptive_field(setup.network, setup.architecture.in_channels)
    header = {
        "architecture": setup.architecture.as_dict(),
        **opened.task.header(opened.frames, opened.settings),
        **opened.task.decoding(setup.loaders),
        **(link_tuning.header(work.folder.read_tuning().links) if work.folder.holds("tuning") else {}),
        "receptive_field": None if field is None else field.model_dump(),
        "provenance_sha256": provenance.digest(work.made),
    }
    weights = {name: value.detach().cpu().contiguous().numpy() for name, value in setup.network.state_dict().items()}
    is_whole = setup.architecture.kept is None  # else nothing is left that the masks could be of
    work.folder.write_model(header, weights, masks if is_whole else {})
    _, stored, _ = work.folder.read_model()
    for name, value in weights.items():
        if stored[name].tobytes() != value.tobytes():
            raise WorkError(
                f"{work.folder.file('model')} does not read back as written ({name}): check the disk, --resume"
            )


def require_whole(work: Work, trained: Trained) -> None:
    """Write again what this process knows, and check that the rest is there to make the report from.

    Raises:
        WorkError: a file went away, or was damaged, while the run worked.
    """
    folder, opened = work.folder, work.setup.opened
    folder.write_provenance(work.made)
    folder.write_metrics(trained.epochs)
    write_known(folder, opened.settings, opened.split.written())
    _refuse_lost(folder, earlier.missing(folder, opened.settings) - {"report"})


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
    _refuse_lost(work.folder, earlier.missing(work.folder, work.settings))
    work.folder.write_provenance(replace(work.made, finished=provenance.now()))
    log.LOGGER.info("finished")
    if not keep_state:
        work.folder.drop_state()
