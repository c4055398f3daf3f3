"""Bring a named data set into the data root, from its address, or from an archive or a folder that is at hand.

Nothing in an archive is trusted: no absolute path, no `..`, no link, no more files or bytes than a data set can have.
It is unpacked beside its place and renamed at the end. An archive at hand whose digest is not the card's is taken with
a warning when its content passes `data.check`; a downloaded one is not taken. Where the card knows no digest, the first
archive's is written into the data root, and later ones must agree with it.
"""

import json
import logging
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from filelock import FileLock

from cellprune.data.cells import ctc
from cellprune.data.check import inspect
from cellprune.data.labelled import cifar, folders, tiny_imagenet
from cellprune.data.labelled.folders import FoldersError
from cellprune.data.sets.cards import Card
from cellprune.data.sets.download import Progress, digest, download
from cellprune.data.sets.named import folder_of, known_card, located
from cellprune.data.sets.root import data_root as root_of
from cellprune.data.simulated import simulate
from cellprune.errors import CellpruneError
from cellprune.files.listing import is_litter
from cellprune.runs.placing import appearing
from cellprune.wording import many, reason

MAX_FILES = 200_000  # TinyImageNet has 120,000
MAX_BYTES = 8 * 2**30  # unpacked
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DIGESTS = "digests.json"  # in the data root: of archives whose cards know none
_EXTRA_BYTES = 64 * 2**20  # left free on the disk after unpacking
_log = logging.getLogger(__name__)

_Members = dict[PurePosixPath, zipfile.ZipInfo]  # of an archive, by where they go


class FetchError(CellpruneError):
    """A data set that cannot be brought from where it was said to be."""


def fetch(name: str, *, source: Path | None, data_root: Path | None = None, progress: Progress | None = None) -> Path:
    """Bring a data set into the data root, or find that it is there already.

    Args:
        name: a card's name.
        source: its archive, or a folder that holds 01, 01_GT and so on, or holds the folder that does; of CIFAR also an
            npz, see `data.labelled.cifar`; of images in folders of classes the folder, which is linked to; None
            downloads.
        data_root: see `data.sets.root`.
        progress: is told of the bytes that came, see `data.sets.download`.
    Returns:
        The data set's folder.
    Raises:
        DownloadError: the archive does not come; see `data.sets.download`.
        FetchError: a source that holds another set, is damaged, unsafe or too large, or whose content
            has errors; then the data root is as before.
    """
    card = known_card(name)
    if card.source == "simulate":
        return simulate.kept(root_of(data_root))
    folder = folder_of(card, root_of(data_root))
    if folder.is_dir():
        return folder
    if source is None:
        if card.source == "own":
            return located(card, data_root)  # which says how to get it
        return _downloaded(card, folder, progress)
    if not (source.is_file() or source.is_dir()):
        raise FetchError(f"there is no {source}: give the archive or the folder of {name} with --from")
    if card.layout == "cifar":
        with appearing(folder) as beside:
            cifar.bring(source, card.name, beside)
            if (beside / cifar.NPZ).is_file():
                _log.warning(f"warning: {source} is an npz, so its images are not verified against the official files")
        return folder
    if card.layout == "images":
        return _linked(source, folder) if source.is_dir() else _unpacked_images(source, card, folder)
    with appearing(folder) as beside:
        if source.is_dir():
            shutil.copytree(
                _only_files(_set_folder(source, card.name)), beside, ignore=_litter_among, dirs_exist_ok=True
            )
            _accept(beside, card, f"{source} is a folder, so its content is not verified against the card's digest")
        else:
            _unpack(source, card.name, beside)
            own, expected = digest(source), _known_digest(card, folder.parent)
            if expected and own != expected:
                _accept(beside, card, f"sha256 of {source} is {own}, not the known {expected}: another archive")
            elif not expected:
                _accept(beside, card, _unverified(card, own))
    if source.is_file() and not expected:
        _record_digest(card, folder.parent, own)
    return folder


def _downloaded(card: Card, folder: Path, progress: Progress | None) -> Path:
    """Download the archive beside its place, unpack it, and throw it away; a full disk keeps it for the next time."""
    assert card.address is not None, "a card of a set to fetch has an address"
    root, expected = folder.parent, _known_digest(card, folder.parent)
    archive = root / f".{folder.name}.zip"
    with _alone(archive):
        if folder.is_dir():
            return folder
        download(card.address, archive, sha256=expected, progress=progress)
        try:
            if card.layout == "images":
                _unpacked_images(archive, card, folder)
                archive.unlink()
                return folder
            with appearing(folder) as beside:
                if card.layout == "cifar":
                    cifar.bring(archive, card.name, beside)
                else:
                    _unpack(archive, card.name, beside)
                if not expected:
                    own = digest(archive)
                    _accept(beside, card, _unverified(card, own))
                    _record_digest(card, root, own)
        except (FetchError, FoldersError):
            archive.unlink()  # asking for the same bytes again mends nothing
            raise
        archive.unlink()
    return folder


def _linked(source: Path, folder: Path) -> Path:
    """Let the data set's place lead to a folder of images: a copy of a million files would help nobody."""
    folders.find(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(source.resolve(), target_is_directory=True)
    _log.warning("warning: %s is a folder, so its content is not verified; it is linked to, not copied", source)
    return folder


def _unpacked_images(archive: Path, card: Card, folder: Path) -> Path:
    """Unpack an archive of images, each into the folder of its class, if it is the one that the card knows."""
    if card.address is None:
        raise FetchError(f"{archive} is a file, but {card.name} comes as a folder of train and val: give that")
    if (own := digest(archive, "md5")) != card.md5:
        raise FetchError(
            f"{archive} fails its checksum (md5 {own}, not {card.md5}): copy it again, or unpack it and give its folder"
        )
    with appearing(folder) as beside:
        _unpack(archive, PurePosixPath(urlsplit(card.address).path).stem, beside, _in_order)
        folders.find(beside)
    return folder


def _in_order(opened: zipfile.ZipFile, wanted: _Members) -> _Members:
    if tiny_imagenet.LIST not in wanted:
        raise FetchError(f"{opened.filename} holds no {tiny_imagenet.LIST}: get the archive again")
    annotations = opened.read(wanted[tiny_imagenet.LIST]).decode("utf-8")
    return {to: wanted[path] for path, to in tiny_imagenet.in_order(wanted, annotations).items()}


@contextmanager
def _alone(archive: Path) -> Iterator[None]:
    """Let one process at a time write an archive and its part; another waits, then finds the set in its place."""
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(
            f"{archive.parent} cannot be written to ({error.strerror}): name another place with --data-root"
        ) from error
    lock = archive.with_suffix(".lock")
    try:
        with FileLock(lock):
            yield
    finally:
        lock.unlink(missing_ok=True)


def _known_digest(card: Card, root: Path) -> str | None:
    """Give the digest an archive must have: the card's, else the one of the first archive that came here."""
    return card.sha256 or _recorded(root).get(card.name)


def _recorded(root: Path) -> dict[str, str]:
    path = root / DIGESTS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _record_digest(card: Card, root: Path, digest: str) -> None:
    beside = root / f".{DIGESTS}"
    with _alone(beside):
        written = json.dumps({card.name: digest} | _recorded(root), indent=1, sort_keys=True)
        beside.write_text(written, encoding="utf-8")
        beside.replace(root / DIGESTS)


def _unverified(card: Card, digest: str) -> str:
    return f"{card.name} is not verified: its card has no sha256; from now on it must be {digest} ({DIGESTS} has it)"


def is_here(name: str, data_root: Path | None = None) -> bool:
    """Tell whether a data set is in the data root already."""
    return folder_of(known_card(name), root_of(data_root)).is_dir()


def _accept(folder: Path, card: Card, doubt: str) -> None:
    """Take content of doubtful origin when it is sound, with a warning."""
    errors = inspect(folder, name=card.name, card=card).errors
    if errors:
        first = errors[0].replace(f"{folder}{os.sep}", "")  # the folder it was looked at in is gone in a moment
        raise FetchError(f"{doubt}; and it has {many(len(errors), 'error')}, the first: {first}")
    _log.warning("warning: %s; its content passes the check, so it is accepted", doubt)


def _set_folder(source: Path, name: str) -> Path:
    """Find the data set in a folder: the folder itself, or one in it that bears the name."""
    for folder in (source / name, source):
        if folder.is_dir() and ctc.sequences(folder):
            return folder
    raise FetchError(f"{source} holds neither {name} nor sequences (01, 02, ...): name the folder they are in")


def _only_files(folder: Path) -> Path:
    """Give the folder back, if files and folders are all it holds: a pipe or a device can be read for ever."""
    for path in folder.rglob("*"):
        if not (path.is_file() or path.is_dir()):
            raise FetchError(f"{path} is neither a file nor a folder: remove it, or bring back what it links to")
    return folder


def _unpack(
    archive: Path, name: str, folder: Path, order: Callable[[zipfile.ZipFile, _Members], _Members] | None = None
) -> None:
    """Unpack what lies under `name` in the archive, straight into `folder`, each file where `order` says."""
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted = _wanted(opened, archive, name)
            wanted = order(opened, wanted) if order else wanted
            n_bytes = sum(member.file_size for member in wanted.values())
            free = shutil.disk_usage(folder).free - _EXTRA_BYTES
            if n_bytes > free:
                raise FetchError(
                    f"{archive} unpacks to {n_bytes} bytes, but {folder.parent} has room for {free}: free some"
                )
            for path, member in wanted.items():
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as packed, target.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)  # reads no more than the size the member declares
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeError) as error:
        # RuntimeError: encrypted; NotImplementedError: a compression that zipfile does not know
        raise FetchError(f"{archive} is not a whole zip archive ({reason(error)}): copy it again") from error


def _wanted(opened: zipfile.ZipFile, archive: Path, name: str) -> _Members:
    """Check every member's name, kind and size; give those of the data set by their path inside it."""
    members = [member for member in opened.infolist() if not member.is_dir() and not _is_litter(member.filename)]
    if len(members) > MAX_FILES or sum(member.file_size for member in members) > MAX_BYTES:
        raise FetchError(
            f"{archive} holds more than {MAX_FILES} files or {MAX_BYTES} bytes: it is no data set's archive"
        )
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
            raise FetchError(f"{archive} holds {member.filename!r}, a path that leads out of its folder: do not use it")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise FetchError(f"{archive} holds the link {member.filename!r}: links are not unpacked; do not use it")
        if member.compress_type not in _COMPRESSIONS:  # others may ask for gigabytes of memory before their first byte
            raise FetchError(f"{archive} holds {member.filename!r}, which is not deflated: zip its content again")
    paths = {PurePosixPath(member.filename): member for member in members}
    tops = sorted({path.parts[0] for path in paths})
    wanted = {path.relative_to(name): member for path, member in paths.items() if path.parts[0] == name}
    if not wanted:
        content = ", ".join(top[:100] if top.isprintable() else repr(top[:100]) for top in tops[:3]) or "nothing"
        raise FetchError(f"{archive} holds {content}, not {name}: give the archive of {name}")
    return wanted


def _is_litter(name: str) -> bool:
    return any(map(is_litter, PurePosixPath(name).parts))


def _litter_among(_: str, names: list[str]) -> list[str]:
    return list(filter(is_litter, names))
