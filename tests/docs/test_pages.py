"""What the pages show can be typed: commands parse, programs run, settings are known, nothing is left out."""

import json
import re
import shlex
import sys
from statistics import mean
from types import ModuleType

import cyclopts
import pages
import pytest
import yaml

import cellprune
from cellprune.cli.main import app
from cellprune.config import names
from cellprune.config.load import digest, load
from cellprune.config.names import METHODS, resolve

every_page = pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
COMMANDS = [(pages.name(page), line) for page in pages.PAGES for line in pages.commands(page)]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_is_one_that_the_command_line_takes(page, line):
    words = shlex.split(re.sub(r"\$\w+", "1", line))[1:]  # what a shell puts in for a variable
    if words == ["--version"]:
        return
    function, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert function.__module__.startswith("cellprune.cli.")


def test_a_wrong_command_would_be_seen():
    with pytest.raises(cyclopts.CycloptsError):
        app.parse_args(["train", "--prunes", "0.9"], exit_on_error=False, print_error=False)
    assert len(COMMANDS) > 15


@every_page
def test_python_compiles_and_yaml_is_known(page):
    for block in pages.blocks(page, "python"):
        compile(block, pages.name(page), "exec")
    for block in pages.blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)


def test_the_example_of_settings_is_a_configuration(tmp_path):
    (block,) = pages.blocks(pages.DOCS / "reference/settings.md", "yaml")
    file = tmp_path / "config.yaml"
    file.write_text(block)
    assert load(file=file).training.batch_size == 4


def test_the_loop_of_ones_own_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the page writes masks where its reader stands
    namespace = {}
    for block in pages.blocks(pages.DOCS / "how-to/own-loop.md", "python"):
        exec(block, namespace)
    n_prunable = 16 * 9 + 2 * 16 * 9
    assert f"{n_prunable - round(n_prunable * 0.2)} of {n_prunable} prunable weights" in capsys.readouterr().out


@pytest.fixture
def gradient(monkeypatch):
    """The method that contributors are shown, added as the page says: one file, one row."""
    file, row = (
        next(b for b in pages.blocks(pages.DOCS / "contributing.md", "python") if part in b)
        for part in ("METHOD = ", '"gradient": ')
    )
    home = ModuleType("cellprune.pruning.methods.gradient")
    exec(file, home.__dict__)
    monkeypatch.setitem(sys.modules, home.__name__, home)
    table = {"MethodRow": names.MethodRow}
    exec(row, table)
    [(name, facts)] = table["METHODS"].items()
    monkeypatch.setitem(names.METHODS, name, facts)
    return name


def test_the_method_that_contributors_are_shown_works(gradient):
    import torch
    from torch import nn

    batch = torch.randn(2, 1, 8, 8), torch.randint(0, 2, (2, 6, 6))
    masks = cellprune.prune(
        nn.Sequential(nn.Conv2d(1, 2, 3)), method=gradient, sparsity=0.5, batches=[batch], loss=nn.CrossEntropyLoss()
    )
    assert int(masks["0.weight"].sum()) == 9


def test_what_that_method_reads_stands_in_its_runs_and_moves_their_hash(gradient):
    """Two runs whose masks differ must not share a name, or --resume takes one for the other."""
    small, large = (
        load(assignments=[f"pruning.method={gradient}", "pruning.ratio=0.5", f"pruning.batch_size={n}"]) for n in (4, 8)
    )
    assert small.model_dump()["pruning"]["batch_size"] == 4
    assert digest(small, {}) != digest(large, {})
    assert not {"rounds", "gate", "inner_steps"} & small.model_dump()["pruning"].keys()


def _commands(of, path=()):
    for command in of:
        if command.startswith("-"):
            continue
        inner = list(_commands(of[command], (*path, command)))
        yield from inner or [" ".join((*path, command))]


def test_help_page_and_readme_have_the_commands_in_one_order():
    in_help = sorted((name for name in app if not name.startswith("-")), key=lambda name: app[name].sort_key)
    page = (pages.DOCS / "reference/commands.md").read_text(encoding="utf-8")
    readme = (pages.DOCS.parent / "README.md").read_text(encoding="utf-8")
    for listed in (
        re.findall(r"^## cellprune ([a-z-]+)", page, re.M),
        re.findall(r"^\| `cellprune ([a-z-]+)", readme, re.M),
    ):
        assert list(dict.fromkeys(listed)) == in_help


def test_every_command_has_its_options_on_the_page_of_commands():
    text = (pages.DOCS / "reference/commands.md").read_text(encoding="utf-8")
    known = list(_commands(app))
    assert "data simulate" in known
    assert re.findall(r"```\{command\} (.+)", text) == re.findall(r"^## cellprune (.+)", text, re.M)
    assert sorted(re.findall(r"```\{command\} (.+)", text)) == sorted(known)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_names_its_source_and_has_a_page(method):
    page = pages.DOCS / "methods" / f"{method}.md"
    assert page.exists(), (
        f"write docs/methods/{method}.md: the formula, the source, what the public code does otherwise"
    )
    assert "\nSource: " in page.read_text(encoding="utf-8")
    assert f"```{{method-options}} {method}\n" in page.read_text(encoding="utf-8")
    module = METHODS[method].home.split(":")[0]
    resolve("pruning method", method)
    assert "\nSource: " in __import__(module, fromlist=["METHOD"]).__doc__
    assert f"\n| `{method}` |" in (pages.DOCS.parent / "README.md").read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page_of_python():
    text = (pages.DOCS / "reference/python.md").read_text(encoding="utf-8")
    assert [name for name in cellprune.__all__ if f":: cellprune.{name}\n" not in text] == []


def test_every_file_of_a_run_is_explained():
    from cellprune.runs.folder import FILES, STATE

    text = (pages.DOCS / "reference/files.md").read_text(encoding="utf-8")
    assert [file for file in (*FILES.values(), f"{STATE}/") if f"| `{file}` |" not in text] == []


def test_the_readme_chooses_a_width_by_what_was_measured():
    kept = json.loads((pages.DOCS / "measurements/evidence.json").read_text())
    text = (pages.DOCS.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `--model\.width (\d+)`.*?\| .*?\| (\d+) ms \| (\S+) \| (\S+) \|$", text, re.M)
    assert [row[0] for row in rows] == ["8", "16", "32"]
    for width, milliseconds, *seg in rows:
        dense = [run for run in kept if (run["arm"]["family"], run["arm"]["amount"]) == ("dense", float(width))]
        sets = [[run for run in dense if name in run["arm"]["dataset"]] for name in ("U373", "HeLa")]
        assert seg == [f"{mean(run['summary']['seg'] for run in runs):.2f}" for runs in sets]
        assert milliseconds == f"{sets[0][0]['milliseconds']['onnx fp32']:.0f}"
