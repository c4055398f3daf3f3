"""The files of CIFAR-10 and CIFAR-100: the official ones, or an npz of images, read without trusting either.

The official files are Python pickles, which may hold any program. So each must have its known checksum before a byte
of it is interpreted, and then nothing but plain values and arrays is built.

    FOLDER/cifar-10-batches-py/data_batch_1 ...    as the archive has them and torchvision leaves them
    FILE.npz                                       x_train, x_test (N, 32, 32, 3) uint8; y_train, y_test (N,) integer;
                                                   label_names, optional: one text per class

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; md5 as torchvision 0.28 states them.
"""

import hashlib
import lzma
import math
import pickle
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprune.data.plain_pickle import PlainUnpickler
from cellprune.errors import CellpruneError
from cellprune.files import reading
from cellprune.wording import quoted, reason

SIZE_PX = 32
NPZ = "images.npz"  # an npz that was fetched, in the data set's folder
_MAX_BYTES = 2**30  # five times what all of CIFAR takes
_MAX_MEMBERS = 1000
_MAX_NOTE_BYTES = 2**20  # of what an archive says about a member; the official ones say nothing
_MOST_CLASSES = 1000
# what zipfile and numpy make of a file that is none, or was made to break them
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError,
    ArithmeticError, RuntimeError, MemoryError,
)  # fmt: skip

Images = NDArray[np.uint8]  # (N, 3, 32, 32)
Targets = NDArray[np.int64]  # (N,)


class CifarError(CellpruneError):
    """A file of CIFAR that is missing, not what it should be, or not to be trusted."""


@dataclass(frozen=True)
class Content:
    """What the files hold.

    Attributes:
        classes: their names by number.
        train, test: images and the number of each one's class.
        files: name -> sha256 of every file that was read.
    """

    classes: tuple[str, ...]
    train: tuple[Images, Targets]
    test: tuple[Images, Targets]
    files: dict[str, str]


@dataclass(frozen=True)
class Official:
    """The files of one official archive: name -> md5."""

    folder: str
    train: dict[str, str]
    test: dict[str, str]
    meta: dict[str, str]
    labels: str
    names: str

    @property
    def files(self) -> dict[str, str]:
        """All of them."""
        return self.train | self.test | self.meta


OFFICIAL = {
    "cifar10": Official(
        folder="cifar-10-batches-py",
        train={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        test={"test_batch": "40351d587109b95175f43aff81a1287e"},
        meta={"batches.meta": "5ff9c542aee3614f3951f8cda6e48888"},
        labels="labels",
        names="label_names",
    ),
    "cifar100": Official(
        folder="cifar-100-python",
        train={"train": "16019d7e3df5f24257cddd939b257f8d"},
        test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        meta={"meta": "7973b15100ade9c7d40fb424638fde48"},
        labels="fine_labels",
        names="fine_label_names",
    ),
}


def read(source: Path) -> Content:
    """Read a data set's files.

    Args:
        source: an npz, or a folder that holds one, the official files, or the folder that holds these.
    Raises:
        CifarError: no such files, one that fails its checksum, or arrays that are not what they should be.
    """
    if source.is_dir():
        if (source / NPZ).is_file():
            return _read_npz(source / NPZ)
        return _read_official(*_official_in(source))
    if not source.is_file():
        raise CifarError(f"there is no {source}: give a folder of images of classes or of CIFAR's files, or an npz")
    return _read_npz(source)


def bring(source: Path, name: str, folder: Path) -> None:
    """Copy the official files of a folder or an archive, or an npz, into an empty folder; all are read and checked.

    Args:
        source: as `read` takes it, or the official archive (tar).
        name: "cifar10" or "cifar100".
        folder: where to; not empty any more when there was an error.
    Raises:
        CifarError: as `read`, or an archive or folder of another set.
    """
    official = OFFICIAL[name]
    if source.is_dir():
        other, at = _official_in(source)
        if other is not official:
            raise CifarError(f"{source} holds {other.folder}, not {official.folder}: give the files of {name}")
        (folder / official.folder).mkdir(exist_ok=True)
        for file in official.files:
            if (at / file).is_file():
                shutil.copyfile(at / file, folder / official.folder / file)
    elif not _begins_like_a_zip(source):  # its end may be that of an npz in a tar
        _unpack(source, official, folder / official.folder)
    else:
        content = _read_npz(source)
        n_classes = 10 if name == "cifar10" else 100
        if not n_classes // 10 < len(content.classes) <= n_classes:  # a part of CIFAR-100 may lack some
            raise CifarError(
                f"{source} has {len(content.classes)} classes, {name} has {n_classes}: fetch it by another name"
            )
        shutil.copyfile(source, folder / NPZ)
        return
    try:
        read(folder)
    except CifarError as error:  # the copy is gone when this is read
        raise CifarError(str(error).replace(str(folder), str(source))) from error


def holds(source: Path) -> bool:
    """Tell whether a path is an npz, or a folder that holds files of CIFAR, whole or not."""
    return (
        source.suffix == ".npz"
        or (source / NPZ).is_file()
        or any(_folder_in(source, official) for official in OFFICIAL.values())
    )


def _official_in(source: Path) -> tuple[Official, Path]:
    for official in OFFICIAL.values():
        if (at := _folder_in(source, official)) is not None:
            return official, at
    wanted = " nor ".join(official.folder for official in OFFICIAL.values())
    raise CifarError(f"{source} holds neither {wanted}: give the folder that they are in")


def _folder_in(source: Path, official: Official) -> Path | None:
    folders = (source / official.folder, source)
    return next((folder for folder in folders if any((folder / file).is_file() for file in official.train)), None)


def _begins_like_a_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


class _Member(tarfile.TarInfo):
    """A member of which no more is read into memory, before it can be looked at, than any of CIFAR's has."""

    def _proc_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE or (not self.isreg() and self.size > _MAX_NOTE_BYTES):
            self._refuse()
        return super()._proc_member(opened)  # type: ignore[misc]

    def _proc_gnusparse_10(self, *_: object) -> None:
        self._refuse()

    def _refuse(self) -> None:
        raise tarfile.ReadError("a sparse file, or a member with more than a megabyte of notes")


def _unpack(archive: Path, official: Official, folder: Path) -> None:
    """Take the known files out of the archive by name; nothing of another member is kept."""
    folder.mkdir(exist_ok=True)
    missing = list(official.files)
    try:
        with tarfile.open(archive, tarinfo=_Member) as opened:
            for number, member in enumerate(opened):
                if number >= _MAX_MEMBERS or member.offset_data + member.size > _MAX_BYTES:
                    raise CifarError(
                        f"{archive} unpacks to more than {_MAX_MEMBERS} files or {_MAX_BYTES} bytes: it is no archive "
                        "of CIFAR"
                    )
                file = member.name.removeprefix("./").removeprefix(f"{official.folder}/")
                content = opened.extractfile(member) if member.isreg() and file in missing else None
                if content is not None:
                    missing.remove(file)
                    with content, (folder / file).open("wb") as unpacked:
                        shutil.copyfileobj(content, unpacked)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of what is read
        raise CifarError(f"{archive} is neither a whole archive nor an npz ({reason(error)}): copy it again") from error
    if missing:
        raise CifarError(f"{archive} holds no {missing[0]} in {official.folder}: give the official archive")


def _read_official(official: Official, folder: Path) -> Content:
    read_files: dict[str, str] = {}

    def values(file: str, md5: str) -> dict[str, Any]:
        path = folder / file
        if not path.is_file():
            raise CifarError(f"{path} is missing: fetch the set again")
        if path.stat().st_size > _MAX_BYTES:
            raise CifarError(f"{path} holds more than {_MAX_BYTES} bytes: it is no file of CIFAR; fetch the set again")
        content = path.read_bytes()
        if (own := hashlib.md5(content, usedforsecurity=False).hexdigest()) != md5:
            raise CifarError(f"{path} fails its checksum (md5 {own}, not {md5}): it is not read; fetch the set again")
        read_files[file] = hashlib.sha256(content).hexdigest()
        try:
            return dict(PlainUnpickler(BytesIO(content), encoding="latin1").load())
        except pickle.UnpicklingError as error:
            raise CifarError(f"{path} is no file of CIFAR ({reason(error)}): fetch the set again") from error

    def part(files: dict[str, str]) -> tuple[Images, Targets]:
        batches = [values(file, md5) for file, md5 in files.items()]
        pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, SIZE_PX, SIZE_PX)
        return pixels, np.concatenate([batch[official.labels] for batch in batches]).astype(np.int64)

    (meta,) = official.meta.items()
    return Content(tuple(values(*meta)[official.names]), part(official.train), part(official.test), read_files)


def _read_npz(path: Path) -> Content:
    try:
        reading.size_of(path, most=2**31)
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > _MAX_BYTES:
                raise CifarError(f"{path} unpacks to more than {_MAX_BYTES} bytes: it is no npz of small images")
            for member in packed.infolist():
                _refuse_claims(packed, member)
        with np.load(path, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in _wanted(opened.files, path)}
    except _BROKEN as error:
        raise CifarError(f"{path} is no npz of plain arrays ({reason(error)}): save it with numpy.savez") from error
    train, test = (_part(arrays[f"x_{part}"], arrays[f"y_{part}"], part, path) for part in ("train", "test"))
    n_classes = 1 + max(int(targets.max()) for _, targets in (train, test))
    named = arrays.get("label_names", np.arange(n_classes))
    if named.ndim != 1 or len(named) > _MOST_CLASSES:
        raise CifarError(f"{path}: label_names is of shape {named.shape}: give one name per class")
    names = tuple(map(str, named))
    if len(names) < max(n_classes, 2):
        raise CifarError(f"{path}: {len(names)} class(es) have names, but labels go up to {n_classes - 1}: name them")
    with path.open("rb") as file:
        return Content(names, train, test, {path.name: hashlib.file_digest(file, "sha256").hexdigest()})


def _refuse_claims(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header claims more, or less, than what follows: the memory is taken for what it claims."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename!r} is not deflated")
    with packed.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        claimed, follows = math.prod(shape) * dtype.itemsize, member.file_size - file.tell()
        is_plain = not dtype.hasobject  # of the others numpy says that they are none
        if is_plain and (claimed != follows or min(shape, default=0) < 0):
            raise ValueError(f"{member.filename} claims {quoted(shape)} values of {dtype}, and has {follows} bytes")


def _wanted(names: Iterable[str], path: Path) -> list[str]:
    needed = ["x_train", "y_train", "x_test", "y_test"]
    if missing := [name for name in needed if name not in names]:
        raise CifarError(f"{path} lacks {', '.join(missing)}: save x_train, y_train, x_test and y_test")
    return [*needed, *(name for name in ("label_names",) if name in names)]


def _part(pixels: np.ndarray, targets: np.ndarray, part: str, path: Path) -> tuple[Images, Targets]:
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (SIZE_PX, SIZE_PX, 3) or not len(pixels):
        raise CifarError(f"{path}: x_{part} is {pixels.dtype} {pixels.shape}, not uint8 (N, {SIZE_PX}, {SIZE_PX}, 3)")
    if targets.dtype.kind not in "iu" or targets.shape != (len(pixels),):
        raise CifarError(
            f"{path}: y_{part} is {targets.dtype} {targets.shape}, "
            f"not one whole number for each of {len(pixels)} images"
        )
    if not 0 <= int(targets.min()) <= int(targets.max()) < _MOST_CLASSES:
        raise CifarError(f"{path}: y_{part} has values {targets.min()} to {targets.max()}, not classes from 0")
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), targets.astype(np.int64)
