"""The control groups around this process, by which containers and batch systems limit it; none but on Linux.

Source: Linux kernel, admin-guide/cgroup-v2 and admin-guide/cgroup-v1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Group:
    """One control group.

    Attributes:
        folder: of its files, which need not be there.
        version: 1 or 2; their files have other names.
    """

    folder: Path
    version: int

    def says(self, name: str) -> str | None:
        """Give what a file of the group says; None where it has none."""
        path = self.folder / name
        return path.read_text(encoding="utf-8").strip() if path.exists() else None


def around(controller: str) -> Iterator[Group]:
    """Give the groups that may limit this process, from the outermost to its own.

    Args:
        controller: what is limited: "memory" or "cpu".
    """
    lines = _MEMBERSHIP.read_text(encoding="utf-8").splitlines() if _MEMBERSHIP.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if not controllers:
            folder, version = _GROUPS, 2
        elif controller in controllers.split(","):
            folder, version = _GROUPS / controller, 1
        else:
            continue
        for part in Path(path).parts:  # the first is "/": the root, which in a container is the container's own
            folder /= part.lstrip("/")
            yield Group(folder, version)
