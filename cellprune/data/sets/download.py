"""Download an archive over http: cut off, it goes on where it stopped, now or the next time it is asked for.

Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (Range).
"""

import errno
import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Literal

from cellprune.data.sets.redirects import Redirects
from cellprune.errors import WorkError
from cellprune.wording import reason

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
        RedirectError: it is sent on to where it may not go, see `data.sets.redirects`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and sha256 in (None, digest(path)):
        return
    part = _Part(path.with_name(f"{path.name}.part"))
    _bring(address, part, progress)
    if sha256 not in (None, digest(part.path)):
        part.drop()
        raise DownloadError(
            f"{address} sent a file whose sha256 is not the known {sha256}: it was deleted; try again, or get the "
            "archive elsewhere and give it with --from"
        )
    os.replace(part.path, path)
    part.drop()


def digest(path: Path, how: Literal["sha256", "md5"] = "sha256") -> str:
    """Give the digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(how, usedforsecurity=False)).hexdigest()


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


def _bring(address: str, part: _Part, progress: Progress | None) -> None:
    """Ask until the file is whole; every try that brings more than any before earns new ones."""
    n_vain, said, most = 0, "", part.n_bytes
    while n_vain < TRIES:
        if n_vain:
            time.sleep(PAUSE_S * 2 ** (n_vain - 1))
        try:
            is_whole = _ask(address, part, progress)
        except (http.client.HTTPException, OSError, ValueError) as error:  # the last of an address that is none
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise DownloadError(f"{address} is refused with {error.code} {str(error.reason)[:200]!r}: get the "
                                    "archive elsewhere and give it with --from") from error  # fmt: skip
            is_of_disk = isinstance(error, OSError) and (error.errno == errno.ENOSPC or error.filename is not None)
            if is_of_disk and not isinstance(error, urllib.error.URLError):
                kept = f"{part.path} could not be written ({error}): free space, the same command goes on"
                raise DownloadError(kept) from error
            said, is_whole = _said(error), False
        if is_whole:
            return
        # not than the try before: a server that sends too much would be asked for ever
        n_vain, most = (0, part.n_bytes) if part.n_bytes > most else (n_vain + 1, most)
    kept = f"{part.n_bytes} bytes are kept, the same command goes on from there" if part.n_bytes else "nothing came"
    raise DownloadError(f"{address} {said or 'breaks off'} ({TRIES} tries): {kept}; without the internet take --from")


def _ask(address: str, part: _Part, progress: Progress | None) -> bool:
    """Ask for what is lacking and keep what comes; tell whether the file is whole."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "cellprune"}
    if part.n_bytes and part.version:
        headers |= {"Range": f"bytes={part.n_bytes}-", "If-Range": part.version}
    try:
        request = urllib.request.Request(address, headers=headers)
        opener = urllib.request.build_opener(Redirects(address))  # asks for the proxy of now
        answer = opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # there is nothing beyond what we have: it is whole, and a kill came before it was put into its place; else it
        # is no part of this file
        is_whole = part.n_bytes > 0 and error.headers.get("Content-Range") == f"bytes */{part.n_bytes}"
        error.close()
        if not is_whole:
            part.drop()
        return is_whole
    with answer:
        n_all, n_lacking = None, _whole_number(answer.headers.get("Content-Length"))
        if answer.status == 206:
            start, n_all = _place(answer)
            if start != part.n_bytes:
                part.drop()
                return False
        else:
            part.start(_version(answer))  # the whole file: the first time, a new version, or a server without ranges
        if n_all is None and n_lacking is not None:
            n_all = part.n_bytes + n_lacking
        _require_room(address, part, n_all)
        with part.path.open("ab") as file:
            while block := answer.read(_BLOCK_BYTES):
                file.write(block)
                if file.tell() > MAX_BYTES:
                    _require_room(address, part, file.tell())
                if progress:
                    progress(file.tell(), n_all)
    return n_all is None or part.n_bytes == n_all


def _place(answer: HTTPResponse) -> tuple[int | None, int | None]:
    """Give where in the file an answer begins, and how long the file is; None for what is not said."""
    said = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", str(answer.headers.get("Content-Range", "")), re.ASCII)
    return (_whole_number(said[1]), _whole_number(said[2])) if said else (None, None)


def _version(answer: HTTPResponse) -> str:
    """Give what If-Range may be asked with: a strong ETag, else the date, else nothing."""
    tag = answer.headers.get("ETag", "")
    version = str(tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", ""))
    return version if version.isascii() and version.isprintable() and len(version) < 1000 else ""


def _whole_number(text: str | None) -> int | None:
    """Read a length; one of more digits than any file has is none, and asks for time without end."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 20 else None


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
        return f"answers {error.code} {str(error.reason)[:200]!r}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"does not answer within {TIMEOUT_S:g} s"
    return f"cannot be reached ({reason(cause) if isinstance(cause, Exception) else cause})"
