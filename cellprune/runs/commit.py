"""The commit of the clone that this code runs from, and of no repository that merely lies around it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

_NAME = "cellprune"
# nothing of the clone's own configuration is run, and nothing is written to it
_SAFELY = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")


def commit(package: Path) -> str | None:
    """Give the commit, with "+changes" when files differ; None where the package is not in a clone of its own.

    Args:
        package: the folder of the package; its clone is the folder above, which has our pyproject.toml and tracks it.
    """
    clone = package.resolve().parent
    if not _is_ours(clone) or _git(clone, "ls-files", "--error-unmatch", f"{package.name}/__init__.py") is None:
        return None
    described = _git(clone, "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*")
    return described if described and re.fullmatch(r"[0-9a-f]{40,64}(\+changes)?", described) else None


def _is_ours(clone: Path) -> bool:
    try:
        project = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (clone / ".git").exists() and project.get("project", {}).get("name") == _NAME


def _git(clone: Path, *words: str) -> str | None:
    """Ask git about this clone alone: no variable leads it elsewhere, and it looks in no folder above."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CEILING_DIRECTORIES": str(clone.parent), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    try:
        answer = subprocess.run(
            ["git", *_SAFELY, "-C", str(clone), *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
