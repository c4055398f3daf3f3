"""A run names the commit of cellprune's own clone, and runs nothing that a repository asks for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cellprune.runs.commit import commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
AS = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *AS, "-C", folder, *words], check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, name: str | None) -> Path:
    """A repository that tracks a package of our name; its project file, if it has one, names the project."""
    package = folder / "cellprune"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    if name is not None:
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return package


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_a_clone_names_its_commit_and_its_changes(tmp_path: Path) -> None:
    package = repository(tmp_path / "clone", "cellprune")
    head = git(package, "rev-parse", "HEAD")
    assert commit(package) == head
    (package / "__init__.py").write_text("1\n")
    assert commit(package) == f"{head}+changes"


@pytest.mark.parametrize("name", [None, "theirs"])
def test_a_repository_of_somebody_else_is_not_obeyed(name: str | None, tmp_path: Path) -> None:
    assert commit(repository(tmp_path / "theirs", name)) is None


def test_a_repository_above_is_not_obeyed(tmp_path: Path) -> None:
    repository(tmp_path / "theirs", "theirs")
    installed = tmp_path / "theirs" / "lib" / "site-packages"
    shutil.copytree(tmp_path / "theirs" / "cellprune", installed / "cellprune")
    assert commit(installed / "cellprune") is None
    (installed / "pyproject.toml").write_text('[project]\nname = "cellprune"\n')
    git(tmp_path / "theirs", "add", "-A", "-f")
    assert commit(installed / "cellprune") is None, "a copy that another project keeps"
    git(installed, "init", "-q")
    assert commit(installed / "cellprune") is None, "not tracked"


def test_the_environment_leads_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, other = repository(tmp_path / "clone", "cellprune"), repository(tmp_path / "other", "cellprune")
    (other / "more").touch()
    git(other, "add", "-A")
    git(other, "commit", "-qm", "two")
    expected = git(package, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert commit(package) == expected


def test_what_a_repository_asks_to_run_is_not_run(tmp_path: Path) -> None:
    package = repository(tmp_path / "clone", "cellprune")
    ran = tmp_path / "ran"
    hook = tmp_path / "clone" / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    for script in (hook, tmp_path / "monitor"):
        script.write_text(f"#!/bin/sh\ntouch {ran}\n")
        script.chmod(0o755)
    git(package, "config", "core.fsmonitor", str(tmp_path / "monitor"))
    (package / "__init__.py").touch()  # so that its index is out of date
    assert commit(package) == git(package, "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
    assert not ran.exists()
    subprocess.run(["git", "-C", package, "status"], check=True, capture_output=True)
    assert ran.exists(), "git alone would have run it"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = repository(tmp_path / "clone", "cellprune")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(package) is None
