"""The table of names: from a name to its row and its code, and a typo to the nearest of them."""

import ast
from pathlib import Path

import pytest

import cellprune
from cellprune.config import names
from cellprune.config.names import METHODS, MODELS, NETWORKS, MethodRow, resolve, row
from cellprune.errors import CellpruneError


def test_a_name_is_its_own_row_and_a_family_is_known_by_what_comes_before_the_colon() -> None:
    table = {"unet": 1, "smp:ARCHITECTURE/ENCODER": 2}
    assert row(table, "unet") == "unet"
    assert row(table, "smp:fpn/resnet18") == "smp:ARCHITECTURE/ENCODER"
    assert row(table, "smp:ARCHITECTURE/ENCODER") == "smp:ARCHITECTURE/ENCODER"
    for unknown in ("smp", "unet:x", ":x", "", "smp/unet"):
        assert row(table, unknown) is None, unknown


def test_a_family_is_resolved_with_its_member_as_first_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(names.MODELS, "family:MEMBER", "builtins:str")
    assert resolve("model", "family:first")() == "first"
    assert resolve("model", "family:MEMBER") is str


@pytest.mark.parametrize(
    ("kind", "typo", "nearest"),
    [("pruning method", "synfow", "synflow"), ("model", "vgg1", "vgg1"), ("task", "classify", "classification"),
     ("engine", "troch", "torch")],
)  # fmt: skip
def test_an_unknown_name_is_answered_with_the_nearest(kind: str, typo: str, nearest: str) -> None:
    with pytest.raises(CellpruneError) as refusal:
        resolve(kind, typo)
    assert f"no {kind} {typo!r}" in str(refusal.value)
    assert nearest in str(refusal.value).partition("Known")[0]


TABLES = {
    "methods": METHODS,
    "models": MODELS,
    "tasks": names.TASKS,
    "results": names.RESULTS,
    "engines": names.ENGINES,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_leads_to_something_in_a_file_of_ours(table: str) -> None:
    for name, home in TABLES[table].items():
        module, attribute = (home if isinstance(home, str) else home.home).split(":")
        file = Path(cellprune.__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
        body = ast.parse(file.read_text(encoding="utf-8")).body
        defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        defined |= {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets}
        assert attribute in defined, name


def test_every_network_belongs_to_one_task_and_every_task_has_networks_and_results() -> None:
    assert sorted(name for own in NETWORKS.values() for name in own) == sorted(MODELS)
    assert NETWORKS.keys() == names.TASKS.keys() == names.RESULTS.keys()


def test_methods_are_named_by_when_they_work_and_by_their_options() -> None:
    by_time = {when: names.methods(when) for when in ("before", "around", "during", "instead")}
    assert sorted(name for own in by_time.values() for name in own) == sorted(METHODS)
    assert by_time["around"] == ["magnitude-after", "lottery"]
    assert by_time["instead"] == ["narrow", "flat"] == [name for name in METHODS if names.is_dense_family(name)]
    assert names.methods(option="rewind_step") == ["magnitude-after", "lottery"]
    assert names.methods("before", option="rewind_step") == []
    assert names.methods() == list(METHODS)
    assert names.methods("never") == []


@pytest.mark.parametrize("name", ["dense", "given", "nothing of the kind"])
def test_what_chooses_nothing_has_no_facts(name: str) -> None:
    assert names.method(name) == MethodRow("", when="never")
    assert names.when(name) == "by masks that were there before"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("snip", "at initialization"),
        ("lottery", "around training"),
        ("rigl", "during training"),
        ("flat", "in the place of pruning, as a small dense network"),
    ],
)
def test_when_a_method_works_ends_a_sentence(name: str, said: str) -> None:
    assert names.when(name) == said


def test_an_option_of_channels_is_an_option_and_rounds_belong_to_methods_in_rounds() -> None:
    for name, facts in METHODS.items():
        assert set(facts.channel_options) <= set(facts.options), name
        assert ("rounds" in facts.options) == (facts.rounds is not None), name
        assert not facts.channel_options or facts.channels != "never", name
