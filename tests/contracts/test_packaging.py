"""What is installed is one and the same, whoever installs it, and works on systems that this one is not."""

import ast
import re
import shlex
import subprocess
import tomllib
from collections import Counter
from pathlib import Path, PureWindowsPath

import pytest
import yaml

from cellprune.export.description import DOCUMENTATION, INPUT, OUTPUT, WEIGHTS
from cellprune.runs.folder import FILES
from cellprune.runs.names import run_name

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
NOT_ON_WINDOWS = {"fcntl", "resource", "pwd", "grp", "termios", "posix", "syslog"}
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
ABSENT_ON_WINDOWS = {
    "os": "getuid geteuid getgid killpg setsid sysconf sched_getaffinity mkfifo statvfs pread fchmod uname getloadavg",
    "signal": "SIGKILL SIGHUP SIGPIPE SIGALRM SIGUSR1 SIGUSR2 SIGQUIT alarm setitimer pthread_sigmask sigwait",
}
LONGEST_NAME = 120  # of a file in the repository: Windows has 260 for a whole path


def core() -> set[str]:
    return {requirement.replace(" ", "") for requirement in PROJECT["project"]["dependencies"]}


def test_the_conda_recipe_needs_what_the_core_needs() -> None:
    recipe = yaml.safe_load((REPOSITORY / "packaging/conda/recipe.yaml").read_text())
    needs = {requirement.replace(" ", "") for requirement in recipe["requirements"]["run"]}
    assert needs == core() | {f"python{PROJECT['project']['requires-python']}"}
    assert recipe["context"] == {key: PROJECT["project"][key] for key in ("name", "version")}
    assert {need.replace(" ", "") for need in recipe["requirements"]["host"]} >= set(
        PROJECT["build-system"]["requires"]
    )
    (script,) = PROJECT["project"]["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]


def test_rattler_build_reads_the_conda_recipe_as_one_package_for_all_systems() -> None:
    rattler = pytest.importorskip("rattler_build", reason="the builder of conda packages: pip install py-rattler-build")
    recipe = rattler.Stage0Recipe.from_file(REPOSITORY / "packaging/conda/recipe.yaml")
    (rendered,) = recipe.render(rattler.VariantConfig())
    assert rendered.recipe.to_dict()["build"]["noarch"] == "python"


def test_the_image_holds_the_core_and_no_more() -> None:
    lines = (REPOSITORY / "packaging/docker/Dockerfile").read_text().replace("\\\n", " ").splitlines()
    said = [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]
    installed = [shlex.split(words) for verb, words in said if verb == "RUN" and "pip" in words]
    assert [words[1:] for words in installed] == [
        ["install", "--no-cache-dir", "-c", "/source/constraints.txt", "/source"]
    ], "the project without an extra, in the versions that are tested"
    copied = {name for verb, words in said if verb == "COPY" and "--from" not in words for name in words.split()[:-1]}
    assert copied >= {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        *PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"],
    }
    assert all((REPOSITORY / name).exists() for name in copied)
    kept = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied
    last = dict(said)
    assert (last["ENTRYPOINT"], last["USER"]) == ('["cellprune"]', "1000:1000")
    assert not re.search(r"apt|curl|wget|http", "\n".join(words for _, words in said)), "pip alone asks the network"


def test_pixi_installs_this_project_with_extras_that_it_has() -> None:
    said = tomllib.loads((REPOSITORY / "pixi.toml").read_text())
    assert said["workspace"]["name"] == PROJECT["project"]["name"]
    assert said["dependencies"]["python"] == PROJECT["project"]["requires-python"]
    features = [said["pypi-dependencies"], *(feature["pypi-dependencies"] for feature in said["feature"].values())]
    for feature in features:
        assert (REPOSITORY / feature["cellprune"]["path"]).samefile(REPOSITORY)
        assert set(feature["cellprune"].get("extras", [])) <= PROJECT["project"]["optional-dependencies"].keys()
    assert {name for names in said["environments"].values() for name in names} <= said["feature"].keys()


def names_of_the_repository() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no clone of git")
    return done.stdout.strip("\0").split("\0")


def fault(name: str) -> str | None:
    """Say why Windows or macOS could not have a file of this name."""
    for part in PureWindowsPath(name).parts:
        if re.search(r'[<>:"|?*\\\x00-\x1f]', part) or part.endswith((".", " ")):
            return "a character"
        if part.split(".")[0].lower() in RESERVED:
            return "a device"
    return "its length" if len(name) > LONGEST_NAME else None


def test_every_name_can_be_one_elsewhere() -> None:
    names = names_of_the_repository()
    once = Counter(name.casefold() for name in names)
    assert [name for name in names if once[name.casefold()] > 1] == [], "other systems do not tell a from A"
    ours = [*FILES.values(), DOCUMENTATION, INPUT, OUTPUT, WEIGHTS]
    ours += [
        run_name(*settings, 0, "a" * 64)
        for settings in (("C:\\con", "smp:unet/x", "3sp", "0.9"), ("a?*.", "u", "m", "<"))
    ]
    assert {name: fault(name) for name in [*names, *ours] if fault(name)} == {}
    assert [fault(name) for name in ("a:b", "aux.txt", "a/b.", "a" * 121)] == [
        "a character",
        "a device",
        "a character",
        "its length",
    ]


def started_by(source: str) -> list[str]:
    """Name what starts processes otherwise than all systems can, or is imported by no Windows."""
    found: list[str] = []
    if not re.search(rf"get_context|os\.fork|multiprocessing\.Process|\b({'|'.join(NOT_ON_WINDOWS)})\b", source):
        return found
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_context":
            found += [ast.unparse(node)] if ast.unparse(node) != "get_context('spawn')" else []
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.fork", "multiprocessing.Process"):
            found.append(ast.unparse(node))
    for node in tree.body:
        modules = node.names if isinstance(node, ast.Import) else [node] if isinstance(node, ast.ImportFrom) else []
        found += [
            name for each in modules if (name := getattr(each, "name", None) or each.module or "") in NOT_ON_WINDOWS
        ]
    return found


def test_the_package_starts_processes_that_every_system_can_start() -> None:
    files = sorted((REPOSITORY / "cellprune").rglob("*.py"))
    assert len(files) > 300
    assert {str(file): what for file in files if (what := started_by(file.read_text(encoding="utf-8")))} == {}
    assert started_by("import fcntl\nget_context('fork')\nos.fork()") == ["get_context('fork')", "os.fork", "fcntl"]


def unasked(source: str) -> list[str]:
    """Name what Windows lacks and the source uses unasked, and text that is read in whatever code the system has."""
    used = [
        (module, name)
        for module, names in ABSENT_ON_WINDOWS.items()
        for name in re.findall(rf"\b{module}\.({names.replace(' ', '|')})\b", source)
    ]
    found = [f"{module}.{name}" for module, name in used if f'attr({module}, "{name}"' not in source]
    return found + re.findall(r"\.read_text\(\)|(?<![.\w])open\(\w+\)", source)


def test_the_package_asks_for_nothing_that_windows_lacks() -> None:
    files = sorted((REPOSITORY / "cellprune").rglob("*.py"))
    assert {str(file): what for file in files if (what := unasked(file.read_text(encoding="utf-8")))} == {}
    assert unasked('os.getuid(); hasattr(os, "sysconf"); os.sysconf(0); with open(path) as file: path.read_text()') == [
        "os.getuid",
        "open(path)",
        ".read_text()",
    ]
