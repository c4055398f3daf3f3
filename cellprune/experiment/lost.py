"""What a run has lost: whether it is still known to be the one that is asked for, and what of it must be made again."""

from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.runs.documents import plain
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.split import Split


def require_same(folder: Folder, settings: Settings, split: Split) -> None:
    """Refuse a run of other settings or data; where a file that tells them is lost, the hash of both tells.

    Raises:
        CellpruneError: they differ, or nothing tells them any more.
    """
    if _has_hash_of(folder, settings, split):
        return
    for kind in ("config", "split"):
        if not folder.holds(kind) and (folder.has_work or folder.holds("provenance")):
            raise CellpruneError(
                f"{folder.file(kind)} is gone or damaged, and it cannot be told whether this is the run that was "
                "started there: restore it, give the same settings and data, or give another --output"
            )
    if folder.holds("config"):
        try:
            theirs = config.recorded(folder.read_config())
        except config.ConfigError as error:
            raise config.ConfigError(
                f"{folder.file('config')} is damaged ({error}): restore it, or give another --output"
            ) from error
        if changed := config.differences(settings, theirs):
            raise config.ConfigError(
                f"{folder.path} was started with other settings ({'; '.join(changed)}): give the same, or another "
                "--output"
            )
    if folder.holds("split") and folder.read_split() != split:
        raise CellpruneError(f"the data changed since {folder.path} was started: restore it, or give another --output")


def _has_hash_of(folder: Folder, settings: Settings, split: Split) -> bool:
    """Tell whether the record names these settings and these data, by their hash."""
    is_told = folder.holds("provenance")
    return is_told and folder.read_provenance().data.sha256 == config.digest(settings, plain(split))


def write_known(folder: Folder, settings: Settings, split: Split) -> None:
    """Write settings and split again where they were lost; those of an older layout, with another hash, stay."""
    is_ours = _has_hash_of(folder, settings, split)
    asked = settings.model_dump(mode="json")
    if not folder.holds("config") or (is_ours and folder.read_config() != asked):
        folder.write_config(asked)
    if not folder.holds("split") or (is_ours and folder.read_split() != split):
        folder.write_split(split)


def kinds(folder: Folder, settings: Settings) -> set[str]:
    """Name the kinds of files that a finished run has and this folder does not hold, whole and readable."""
    masked = settings.pruning.method != "dense" and not settings.pruning.stands_in
    lost = {kind for kind in FILES.keys() - {"log"} - (set() if masked else {"masks"}) if not folder.holds(kind)}
    return lost if "metrics" in lost or tells_every_epoch(folder) else lost | {"metrics"}


def tells_every_epoch(folder: Folder) -> bool:
    """Tell whether metrics.csv, which can be read, has a row for every epoch that the record counts."""
    made = folder.read_provenance() if folder.holds("provenance") else None
    if made is None or made.epochs is None:
        return True
    return len(folder.read_metrics()) == made.epochs - made.epochs_of_masks
