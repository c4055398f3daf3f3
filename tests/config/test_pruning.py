"""The section pruning: what a method reads stands in the file and moves the hash, and nothing else does."""

from inspect import signature
from pathlib import Path

import pytest
import yaml

from cellprune.config import names
from cellprune.config.load import ConfigError, differences, digest, load, recorded
from cellprune.config.names import METHODS
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings


def test_ratio_zero_is_dense_whatever_the_method() -> None:
    runs = [load(assignments=[f"pruning.method={name}"]) for name in ("prospr", "snip", "random")]
    assert {run.pruning.method for run in runs} == {"dense"}
    assert len({digest(run, {}) for run in runs}) == 1
    assert runs[0].model_dump()["pruning"] == {"method": "dense", "ratio": 0.0}


def test_options_of_other_methods_move_no_hash(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("pruning: {ratio: 0.9, inner_steps: 7, rounds: 9}\n")
    snip = ["pruning.method=snip", "pruning.ratio=0.9"]
    assert digest(load(assignments=snip), {}) == digest(load(file=file, assignments=snip), {})
    assert digest(load(assignments=["pruning.ratio=0.9"]), {}) != digest(load(file=file), {})


def test_the_rounds_are_the_methods_own_unless_given() -> None:
    for method, rounds in (("synflow", 100), ("force", 60), ("iterative-snip", 60)):
        settings = load(assignments=[f"pruning.method={method}", "pruning.ratio=0.9"])
        assert settings.model_dump()["pruning"]["rounds"] == rounds
        given = load(assignments=[f"pruning.method={method}", "pruning.ratio=0.9", f"pruning.rounds={rounds}"])
        assert digest(settings, {}) == digest(given, {})


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_options_of_the_schema_are_those_of_the_method(method: str) -> None:
    """Names and defaults are the method's own, but for those that memory decides: two copies must not drift."""
    from cellprune.config.names import resolve

    row = resolve("pruning method", method)
    before = METHODS[method].when == "before"
    parameters = () if before else signature(row).parameters.values()
    defaults = row.defaults() if before else {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    of_memory = {"segment", "micro_batch"}
    own = {name: value for name, value in defaults.items() if name not in of_memory}
    assert Pruning(method=method, ratio=0.5).options() == own


def test_settings_of_channels_stand_in_runs_by_channel_alone() -> None:
    by_channel = load(assignments=["pruning.ratio=0.5", "pruning.method=snip", "pruning.granularity=channel"]).pruning
    by_weight = load(assignments=["pruning.ratio=0.5", "pruning.method=snip"]).pruning
    assert by_channel.model_dump()["gate"] == "activation"
    assert by_channel.label == "snip-channel"
    assert not {"gate", "granularity"} & set(by_weight.model_dump())


CHANNELS = "pruning.granularity=channel"


@pytest.mark.parametrize("method", ["prospr", "rigl"])
def test_a_budget_that_counts_what_the_ratio_counts_is_that_ratio(method: str) -> None:
    for unit, by in (("params", []), ("channels", [CHANNELS, "pruning.method=prospr"])):
        base = [f"pruning.method={method}", *by]
        budget = load(assignments=[f"pruning.budget={unit}=0.1", *base])
        ratio = load(assignments=["pruning.ratio=0.9", *base])
        assert budget.model_dump() == ratio.model_dump()
        assert digest(budget, {}) == digest(ratio, {})
    assert load(assignments=["pruning.budget=macs=1"]).pruning.method == "dense"


def test_a_budget_names_its_unit_and_stands_in_the_file_alone(tmp_path: Path) -> None:
    settings = load(assignments=["pruning.budget=macs=.10", CHANNELS])
    pruning = settings.pruning
    assert (pruning.budget, pruning.amount, pruning.request().budget) == ("macs=0.1", "0.1-macs-kept", {"macs": 0.1})
    assert {"budget", "pricing", "round_to"} < pruning.model_dump().keys()
    assert "ratio" not in pruning.model_dump()
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    assert digest(load(file=file), {}) == digest(settings, {})
    by_ratio = load(assignments=["pruning.ratio=0.9", CHANNELS]).pruning
    assert (by_ratio.amount, by_ratio.request().sparsity) == ("0.9", 0.9)
    assert not {"budget", "cost", "pricing", "round_to"} & by_ratio.model_dump().keys()


def test_the_engine_stands_where_milliseconds_decide_and_nowhere_else() -> None:
    timed = [["budget=latency=0.25"], ["ratio=0.5", "cost=latency"], ["ratio=0.5", "control=flat-latency"]]
    for words in timed:
        onnx = load(assignments=[CHANNELS, *(f"pruning.{word}" for word in words)])
        torch = load(assignments=[CHANNELS, "pruning.engine=torch", *(f"pruning.{word}" for word in words)])
        assert onnx.pruning.times_layers
        assert onnx.pruning.model_dump()["engine"] == "onnx"
        assert digest(onnx, {}) != digest(torch, {})
    pruning = load(assignments=[CHANNELS, "pruning.budget=latency=.25", "pruning.cost=latency"]).pruning
    assert (pruning.amount, pruning.request().unit, pruning.cost) == ("0.25-latency-kept", "latency", "auto")
    for others in (["budget=macs=0.5"], ["granularity=channel", "ratio=0.5"], ["ratio=0"], ["masks=run"]):
        assert "engine" not in load(assignments=[f"pruning.{other}" for other in others]).pruning.model_dump()


# the section of a run's config.yaml, and the hash of its settings, at commit 1bd13b1
OF_BEFORE = {
    "method": "snip", "budget": "macs=0.1", "cost": "static", "granularity": "channel", "exclude": [], "batch_size": 8,
    "gate": "activation",
}  # fmt: skip
HASH_OF_BEFORE = "c64fca5ebfadb219b634b259046c4ab912ee5ced0a3df696ef8482de97c374c9"


def test_a_run_of_before_is_one_of_single_channels(tmp_path: Path) -> None:
    blocks = load(assignments=["pruning.budget=macs=0.1", "pruning.method=snip", CHANNELS, "data.target=classes"])
    record = {**blocks.model_dump(mode="json"), "pruning": OF_BEFORE}
    del record["decoder"]  # which is newer
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(record))
    before = load(file=tmp_path / "config.yaml")
    assert before == recorded(record)
    assert digest(before, {}) == HASH_OF_BEFORE != digest(blocks, {})
    assert (before.pruning.round_to, blocks.pruning.round_to) == (1, "auto")
    assert "pruning.round_to: 1 -> auto" in differences(blocks, before)
    again = recorded(before.model_dump(mode="json"))
    assert digest(again, {}) == HASH_OF_BEFORE


def test_the_size_of_blocks_stands_where_channels_are_priced_or_a_small_network_is_rounded() -> None:
    by_count = load(assignments=["pruning.ratio=0.5", "pruning.method=snip", CHANNELS]).pruning
    assert "round_to" not in by_count.model_dump()
    small = ["pruning.ratio=0.5", "pruning.method=snip", "pruning.control=flat-macs"]
    plain, rounded = (load(assignments=[*small, *more]) for more in ([], ["pruning.round_to=16"]))
    assert "round_to" not in plain.pruning.model_dump()
    assert rounded.pruning.model_dump()["round_to"] == 16
    assert digest(plain, {}) != digest(rounded, {})
    with pytest.raises(ConfigError, match="'16' is no number of channels"):
        load(assignments=[*small, "pruning.round_to='16'"])
    assert Pruning(round_to="16").round_to == 16  # type: ignore[arg-type]  # as the command line gives it


@pytest.mark.parametrize(
    ("pruning", "alone"),
    [
        (["granularity=channel", "budget=macs=0.1", "control=flat-macs"], True),
        (["granularity=channel", "budget=latency=0.1", "control=narrow-latency"], True),
        (["budget=macs=0.1", "control=narrow-macs"], True),
        (["method=flat", "budget=params=0.1"], True),
        (["granularity=channel", "budget=macs=0.1", "control=flat-params"], False),
        (["granularity=channel", "budget=macs=0.1", "control=narrow-to-density"], False),
        (["granularity=channel", "budget=macs=0.1", "control=shuffle"], False),
        (["ratio=0.9", "control=narrow-params"], False),
        (["granularity=channel", "budget=macs=0.1"], False),
    ],
)
def test_a_small_network_of_the_budgets_unit_needs_no_masks(pruning: list[str], alone: bool) -> None:
    assert load(assignments=[f"pruning.{word}" for word in pruning]).pruning.fills_budget == alone


def test_a_cost_stands_in_the_file_where_it_is_not_the_usual_one() -> None:
    asked = ["pruning.budget=macs=0.1", "pruning.method=snip", CHANNELS]
    plain, macs, memory = (load(assignments=[*asked, *more])
                           for more in ([], ["pruning.cost=macs"], ["pruning.cost=memory"]))  # fmt: skip
    assert plain == macs
    assert "cost" not in plain.pruning.model_dump()
    assert memory.pruning.model_dump()["cost"] == "memory"
    assert len({digest(settings, {}) for settings in (plain, memory)}) == 2
    by_name = load(assignments=["pruning.method=3sp", "pruning.ratio=0.5"]).pruning
    assert (by_name.granularity, by_name.label, by_name.request().divided_by) == ("channel", "3sp", "macs")
    assert "cost" not in by_name.model_dump()


def test_the_pricing_is_read_by_its_old_name_too(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("pruning: {method: snip, granularity: channel, budget: macs=0.1, cost: marginal}\n")
    found = load(file=file).pruning
    assert (found.pricing, found.cost) == ("marginal", "auto")
    by_set = load(assignments=["pruning.budget=macs=0.1", CHANNELS, "pruning.cost=marginal"])
    assert by_set == load(assignments=["pruning.budget=macs=0.1", CHANNELS, "pruning.pricing=marginal"])


@pytest.mark.parametrize("method", sorted(METHODS.keys() - names.methods("instead")))
def test_what_a_method_never_reads_moves_no_hash(method: str) -> None:
    """`scope` and `batch_size` of methods that have a use for neither, and all that was not asked for."""
    plain = load(assignments=[f"pruning.method={method}", "pruning.ratio=0.5"])
    other = load(assignments=[f"pruning.method={method}", "pruning.ratio=0.5", "pruning.batch_size=3"])
    assert (digest(plain, {}) != digest(other, {})) == METHODS[method].reads_batches
    assert ("scope" in plain.model_dump()["pruning"]) != METHODS[method].own_shares
    assert not {"budget", "cost", "floor", "effective", "control"} & plain.model_dump()["pruning"].keys()


@pytest.mark.parametrize("method", names.methods("instead"))
def test_a_dense_family_reads_its_budget_and_nothing_of_masks(method: str) -> None:
    asked = [f"pruning.method={method}", "pruning.budget=macs=0.5"]
    plain, other = (load(assignments=[*asked, *more]) for more in ([], ["pruning={batch_size: 3, shrink: false}"]))
    told = {"method": method, "budget": "macs=0.5", "round_to": "auto", "granularity": "channel"}
    assert plain.model_dump()["pruning"] == told
    assert digest(plain, {}) == digest(other, {})
    assert recorded(plain.model_dump(mode="json")).pruning.stands_in
    assert (plain.pruning.label, plain.pruning.amount) == (method, "0.5-macs-kept")
    assert load(assignments=[asked[0]]).pruning.method == "dense"


def test_a_floor_and_an_effective_ratio_stand_in_the_file() -> None:
    found = load(assignments=["pruning={ratio: 0.5, method: snip, floor: 0.1, effective: true}"]).pruning
    assert {"floor", "effective"} < found.model_dump().keys()
    assert found.amount == "0.5-effective"


def test_of_ratio_and_budget_the_later_source_wins(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("pruning: {ratio: 0.5, granularity: channel}\n")
    found = load(Settings.model_validate({"pruning": {"budget": "macs=0.1"}}), file=file).pruning
    assert (found.budget, found.ratio, found.granularity) == ("macs=0.1", 0, "channel")
    file.write_text("pruning: {budget: params=0.5, granularity: channel}\n")
    assert load(file=file, assignments=["pruning.ratio=0.9"]).pruning.request().sparsity == 0.9


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["budget=macs=97"], "macs=97 is outside 0 < share kept <= 1: did you mean macs=0.97, which keeps 97 %?"),
        (["budget=params=0"], "params=0 is outside 0 < share kept <= 1: params=0.1 keeps a tenth"),
        (["budget=params=nan"], "outside 0 < share kept"),
        (["budget=mac=0.1"], "no budget unit 'mac'. Did you mean 'macs'?"),
        (["budget=0.1"], "0.1 is no budget: write UNIT=KEPT"),
        (["budget=macs=few"], "'few' is no share of macs to keep"),
        (["floor=1"], "less than 1"),
        (["budget=macs=0.1", "method=dense"], "dense, yet pruning.budget is macs=0.1"),
        (["={ratio: 0.5, budget: macs=0.1}"], "pruning: ratio .--prune. and budget .--budget. both say how much goes"),
    ],
)
def test_a_bad_budget_is_named(assignments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(assignments=[f"pruning.{text}".replace(".=", "=") for text in assignments])
