"""Download an archive over http: cut off, it goes on where it stopped, now or the next time it is asked for.

pooch verifies the file and puts it into its place; this is the downloader it is given, as its own cannot resume.

Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (Range).
"""

import errno
import http.client
import logging
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellprune.errors import WorkError

TIMEOUT_S = 30.0  # without a byte
TRIES = 4  # in a row that bring nothing
PAUSE_S = 2.0  # before the second try; doubled before each later one
MAX_BYTES = 8 * 2**30
_BLOCK_BYTES = 2**18

Progress = Callable[[int, int | None], None]  # bytes that are here; bytes in all, None while unknown


class DownloadError(WorkError):
    """An archive that does not come, or not as it should; what came is kept where it can be gone on with."""


def download(address: str, path: Path, *, sha256: str | None, progress: Progress | None = None) -> None:
    """Bring the file at an address to `path`, whole and verified, or find that it is there.

    What has come of it lies beside, in `path` with `.part`, until it is whole.

    Args:
        sha256: of the whole file; None takes what comes.
    Raises:
        DownloadError: no answer, a refusal, a connection that stays cut, or a file of another digest or an insane size.
    """
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it tells its user what ours has no use for
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(
            address,
            known_hash=sha256 and f"sha256:{sha256}",
            fname=path.name,
            path=path.parent,
            downloader=lambda url, target, _: _bring(url, Path(target), path, progress),
        )
    except ValueError as error:
        raise DownloadError(
            f"{address} sent a file whose sha256 is not the known {sha256}: it was thrown away; try again, or get the "
            "archive elsewhere and give it with --from"
        ) from error


@dataclass
class _Part:
    """What has come so far, and the server's word for the version of the file that it is a part of."""

    path: Path

    @property
    def _version_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.version")

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> str:
        return self._version_path.read_text(encoding="utf-8") if self._version_path.exists() else ""

    def start(self, version: str) -> None:
        """Begin anew, with a version that may be asked for later, or none."""
        self.path.write_bytes(b"")
        self._version_path.write_text(version, encoding="utf-8")

    def drop(self) -> None:
        for path in (self.path, self._version_path):
            path.unlink(missing_ok=True)


def _bring(address: str, target: Path, path: Path, progress: Progress | None) -> None:
    """Ask until the file is whole; every try that brings something earns new ones."""
    part = _Part(path.with_name(f"{path.name}.part"))
    n_vain, reason = 0, ""
    while n_vain < TRIES:
        if n_vain:
            time.sleep(PAUSE_S * 2 ** (n_vain - 1))
        before = part.n_bytes
        try:
            is_whole = _ask(address, part, progress)
        except (urllib.error.HTTPError, http.client.HTTPException, OSError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise DownloadError(f"{address} is refused with {error.code} {error.reason}: get the archive elsewhere "
                                    "and give it with --from") from error  # fmt: skip
            is_of_disk = isinstance(error, OSError) and (error.errno == errno.ENOSPC or error.filename is not None)
            if is_of_disk and not isinstance(error, urllib.error.URLError):
                kept = f"{part.path} could not be written ({error}): free space, the same command goes on"
                raise DownloadError(kept) from error
            reason, is_whole = _said(error), False
        if is_whole:
            os.replace(part.path, target)
            part.drop()
            return
        n_vain = 0 if part.n_bytes > before else n_vain + 1
    kept = f"{part.n_bytes} bytes are kept, the same command goes on from there" if part.n_bytes else "nothing came"
    raise DownloadError(f"{address} {reason or 'breaks off'} ({TRIES} tries): {kept}; without the internet take --from")


def _ask(address: str, part: _Part, progress: Progress | None) -> bool:
    """Ask for what is lacking and keep what comes; tell whether the file is whole."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "cellprune"}
    if part.n_bytes and part.version:
        headers |= {"Range": f"bytes={part.n_bytes}-", "If-Range": part.version}
    try:
        request = urllib.request.Request(address, headers=headers)
        answer = urllib.request.build_opener().open(request, timeout=TIMEOUT_S)  # asks for the proxy of now
    except urllib.error.HTTPError as error:
        if error.code == 416:  # there is nothing beyond what we have, yet it was not whole: it is no part of this file
            part.drop()
            return False
        raise
    with answer:
        n_lacking = _whole_number(answer.headers.get("Content-Length"))
        if answer.status != 206 or not _goes_on(answer, part.n_bytes):
            if answer.status == 206:
                part.drop()
                return False
            part.start(_version(answer))  # the whole file: the first time, a new version, or a server without ranges
        n_all = None if n_lacking is None else part.n_bytes + n_lacking
        _require_room(address, part, n_all)
        with part.path.open("ab") as file:
            while block := answer.read(_BLOCK_BYTES):
                file.write(block)
                if file.tell() > MAX_BYTES:
                    _require_room(address, part, file.tell())
                if progress:
                    progress(file.tell(), n_all)
    return n_all is None or part.n_bytes == n_all


def _goes_on(answer: Any, n_bytes: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {n_bytes}-")


def _version(answer: Any) -> str:
    """Give what If-Range may be asked with: a strong ETag, else the date, else nothing."""
    tag = answer.headers.get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", ""))


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _require_room(address: str, part: _Part, n_all: int | None) -> None:
    if n_all is not None and n_all > MAX_BYTES:
        part.drop()
        raise DownloadError(f"{address} sends more than {MAX_BYTES} bytes, more than a data set: nothing was kept")
    free = shutil.disk_usage(part.path.parent).free
    if n_all is not None and n_all - part.n_bytes > free:
        raise DownloadError(
            f"{address} has {n_all - part.n_bytes} bytes to come, but {part.path.parent} has room for {free}: free some"
        )


def _said(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answers {error.code} {error.reason}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"does not answer within {TIMEOUT_S:g} s"
    told = getattr(reason, "strerror", None) or " ".join(str(reason).split()) or type(reason).__name__
    return f"cannot be reached ({told})"
