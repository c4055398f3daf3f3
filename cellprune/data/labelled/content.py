"""What tells one folder of images from another: the names and sizes of its files, and what stands in them.

Reading all files takes long, so their hash is kept in the user's cache, and counts while names, sizes and times of all
files are what they were. Of a folder that is too large to be read before a run, some files alone are read: it says so.
"""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

from cellprune.errors import CellpruneError, WorkError
from cellprune.files import reading
from cellprune.machine import threads
from cellprune.machine.cache import cache_root
from cellprune.runs import atomic, log
from cellprune.wording import many, reason

LIST, ALL, SOME = "list of all files", "content of all files", "content of some files"
MOST_BYTES = 2**34  # that are read before a run: a minute or two from a disk
_SOME = 1000  # files that are read of a larger folder, evenly spread
_SETTLED_NS = 2 * 10**9  # a file that changed within it may change again and keep its times
_HASH_LENGTH = 64

Named = tuple[str, str]  # an image, as a path from the set's folder with /, and its class
Stamp = tuple[int, int, int]  # of a file: bytes, and when content and file were changed last, ns


def stamp_of(status: os.stat_result) -> Stamp:
    """Give what changes with a file's content."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def hashes(folder: Path, images: Sequence[Named], stamps: Sequence[Stamp]) -> dict[str, str]:
    """Give what tells a set from others: what is hashed -> its sha256 (hex).

    Args:
        folder: that the paths begin in.
        images: in the order of the set.
        stamps: of their files.
    Raises:
        CellpruneError: a file cannot be read.
    """
    lines = [
        f"{path}\0{label}\0{stamp[0]}\n".encode(errors="surrogatepass")
        for (path, label), stamp in zip(images, stamps, strict=True)
    ]
    is_small = sum(stamp[0] for stamp in stamps) <= MOST_BYTES
    some = slice(None) if is_small else slice(None, None, -(-len(images) // _SOME))
    paths = [folder / path for path, _ in images[some]]
    if not is_small:
        _say_some(folder, len(paths), len(images))
    content = _kept(paths, stamps[some])
    return {LIST: hashlib.sha256(b"".join(lines)).hexdigest(), ALL if is_small else SOME: content}


def as_known(files: Mapping[str, str], older: Mapping[str, str]) -> dict[str, str]:
    """Leave out of a set's hashes what was not hashed when a run of an older version began."""
    return {name: digest for name, digest in files.items() if name in older or LIST not in older}


def _kept(paths: Sequence[Path], stamps: Sequence[Stamp]) -> str:
    """Give the hash of what stands in files, as it was found before if none of them changed since."""
    named = hashlib.sha256()
    for path, stamp in zip(paths, stamps, strict=True):
        named.update(b"%s\0%d %d %d\n" % (os.fsencode(path.absolute()), *stamp))
    kept_in = cache_root() / "contents" / f"{named.hexdigest()[:32]}.txt"
    with suppress(OSError, UnicodeDecodeError):
        if len(known := reading.text_of(kept_in, most=_HASH_LENGTH)) == _HASH_LENGTH:
            return known
    began = time.time_ns()
    content = _content(paths)
    if max(max(stamp[1:]) for stamp in stamps) < began - _SETTLED_NS:
        with suppress(OSError, WorkError):  # a cache that cannot be written: they are read again
            kept_in.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(kept_in, content)
    return content


def _content(paths: Sequence[Path]) -> str:
    content = hashlib.sha256()
    with ThreadPoolExecutor(threads.count()) as readers:
        for digest in readers.map(_of_file, paths):
            content.update(digest)
    return content.hexdigest()


def _of_file(path: Path) -> bytes:
    try:
        reading.size_of(path, most=MOST_BYTES)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise CellpruneError(
            f"{path} cannot be read ({reason(error)}): restore it, or remove it from the set"
        ) from error


@cache  # once, however often the set is opened
def _say_some(folder: Path, n_read: int, n_files: int) -> None:
    log.LOGGER.warning(
        f"{folder} holds more than {MOST_BYTES // 2**30} GiB: names and sizes of its {many(n_files, 'file')} tell it "
        f"from another set, and the content of {n_read} of them; if another file changes and keeps its size, nothing "
        "tells"
    )
