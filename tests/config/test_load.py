"""Sources of settings: which wins, what is refused, what is said."""

import json
import os
from pathlib import Path

import pytest
import yaml

from cellprune.config import shipped
from cellprune.config.load import ConfigError, completed, differences, digest, load, merged, recorded
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings

CONFIGS = sorted(shipped.folder("configs").glob("*.yaml"))


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 1\nmodel: {width: 8, depth: 2}\npruning: {ratio: 0.5}\n")
    flags = Settings(pruning=Pruning(ratio=0.9))
    found = load(flags, file=file, assignments=["model.width=16", "pruning.ratio=0.7"])
    assert (found.seed, found.model.width, found.model.depth, found.pruning.ratio) == (1, 16, 2, 0.9)


def test_a_flag_that_was_not_given_does_not_win(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("training: {epochs: 7}\n")
    assert load(Settings(seed=3), file=file).training.epochs == 7


def test_a_flag_leaves_the_other_options_of_its_section_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("pruning: {ratio: 0.9, inner_steps: 7, method: force, rounds: 9}\n")
    flags = Settings.model_validate({"pruning": {"ratio": 0.5}})
    assert load(flags, file=file).pruning.options() == {"rounds": 9, "schedule": "exponential", "revive_dead": True}
    flags = Settings.model_validate({"pruning": {"rounds": 5}})
    assert load(flags, file=file).pruning.rounds == 5


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_config_is_valid(path: Path) -> None:
    assert isinstance(load(file=path), Settings)


def test_the_resolved_settings_are_a_valid_file(tmp_path: Path) -> None:
    for assignments in ([], ["pruning.ratio=0.9"], ["pruning={ratio: 0.9, method: snip}"]):
        settings = load(assignments=assignments)
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
        again = load(file=file)
        assert again.model_dump() == settings.model_dump()
        assert digest(again, {}) == digest(settings, {})


@pytest.mark.parametrize(
    ("method", "option", "said"),
    [
        ("magnitude", "inner_steps", "'magnitude' has no option 'inner_steps'; it has none"),
        ("force", "temperature", "its options: rounds, schedule, revive_dead"),
        ("prospr", "rounds", "its options: inner_steps, inner_lr"),
    ],
)
def test_an_option_of_another_method_is_refused_where_it_was_typed(method: str, option: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(assignments=[f"pruning.method={method}", f"pruning.{option}=1"])
    assert said in str(refusal.value)
    with pytest.raises(ConfigError, match="the command line"):
        load(Settings.model_validate({"pruning": {"method": method, option: 1}}))


def test_an_option_of_several_methods_is_named_once() -> None:
    with pytest.raises(ConfigError, match=r"its options: rounds, schedule$"):
        merged(assignments=["pruning.method=synflow", "pruning.inner_steps=1"], methods=["synflow", "iterative-snip"])


def test_data_move_the_hash() -> None:
    assert digest(load(), {"sha256": "a"}) != digest(load(), {"sha256": "b"})


def test_the_ladder_has_a_name() -> None:
    assert load(assignments=["pruning.ratio=ladder:9"]).pruning.ratio == 1 - 0.8**9


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("pruning.ratio=97", "did you mean 0.97?"),
        ("pruning.ratio=1", "outside 0 <= ratio < 1"),
        ("pruning.ratio=-0.1", "outside 0 <= ratio < 1"),
        ("pruning.ratio=.nan", "outside 0 <= ratio < 1"),
        ("pruning.ratio=much", "is no ratio"),
        ("pruning.ratio=ladder:x", "no step of the ladder"),
        ("pruning.method=synfow", "no pruning method 'synfow'"),
        ("pruning.method=prosper", "Did you mean 'prospr'"),
        ("model.name=unett", "Did you mean 'unet'?"),
        ("model.name=smp/unet", "smp:ARCHITECTURE/ENCODER, unet, vgg16"),
        ("data.datset=x", "did you mean 'data.dataset'?"),
        ("modell.width=3", "unknown key 'modell'"),
        ("swep.methods=snip", "did you mean 'sweep'?"),
        ("sweep.methods=snip", "give the file to 'cellprune sweep'"),
        ("model.width=0", "greater than or equal to 1"),
        ("model.width", "is no assignment"),
        ("training.precision=fp8", "'fp8'"),
    ],
)
def test_a_bad_setting_is_named(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(assignments=[assignment])
    assert said in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("data: {datset: x, holdout: 3}\nseed: -1\n")
    with pytest.raises(ConfigError) as refusal:
        load(file=file)
    for part in ("bad.yaml", "data.datset", "data.holdout", "seed"):
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [("- 1\n- 2\n", "holds a list"), ("a: [", "no plain YAML"), ("x: !!python/object:os.system {}", "no plain YAML")],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=said):
        load(file=file)
    with pytest.raises(ConfigError, match="no configuration file"):
        load(file=tmp_path / "absent.yaml")


def test_differences_name_the_keys() -> None:
    ours, theirs = load(assignments=["seed=1", "pruning.ratio=0.9"]), load(assignments=["pruning.ratio=0.9"])
    assert differences(ours, theirs) == ["seed: 0 -> 1"]


OLD_RECORD = {  # as runs wrote it before there was a choice
    "task": "segmentation",
    "seed": 0,
    "data": {
        "dataset": "simulated", "truth": "ignore", "ignore_border": False, "split": "random", "holdout": 0.3,
        "split_seed": 0, "size": [256, 256],
    },
    "model": {"name": "unet", "width": 8, "depth": 4, "norm": "batch", "padding": "same"},
    "pruning": {"method": "dense", "ratio": 0.0},
    "training": {"epochs": 3, "batch_size": 2},
}  # fmt: skip


def test_new_runs_are_normalized_robustly_and_published_ones_as_published() -> None:
    assert load().data.normalization == "robust"
    for path in CONFIGS:
        published = "Published" in path.read_text() and load(file=path).task == "segmentation"
        assert (load(file=path).data.normalization == "standard") == published
        assert (load(file=path).tunes or load(file=path).task == "classification") == (not published)


def test_a_run_of_before_keeps_its_normalization_its_file_and_its_hash(tmp_path: Path) -> None:
    old = recorded(OLD_RECORD)
    assert old.data.normalization == "standard"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(OLD_RECORD))
    assert load(file=tmp_path / "config.yaml") == old
    assert load(file=tmp_path / "config.yaml", assignments=["data.normalization=robust"]).data.normalization == "robust"
    # counted at commit b500f51
    assert digest(old, {}) == "679439f863dbf50005039baf58778e2553ff9ceab3f90c50d46f33807d30ab0d"
    new = old.model_copy(update={"data": old.data.model_copy(update={"normalization": "robust"})})
    assert digest(new, {}) != digest(old, {})
    assert differences(new, old) == ["data.normalization: standard -> robust"]


CHANNELS = ["pruning.granularity=channel", "pruning.ratio=0.5", "pruning.method=snip"]


def test_a_run_of_channels_of_before_kept_its_masks_and_keeps_its_hash() -> None:
    new, masked = load(assignments=CHANNELS), load(assignments=[*CHANNELS, "pruning.shrink=false"])
    record = masked.model_dump(mode="json")
    older = {**record, "pruning": {key: value for key, value in record["pruning"].items() if key != "shrink"}}
    assert recorded(older) == masked
    assert digest(recorded(older), {}) == digest(masked, {}) != digest(new, {})
    assert "shrink" not in masked.identity()["pruning"]
    assert differences(new, recorded(older)) == ["pruning.shrink: False -> True"]


@pytest.mark.parametrize(
    ("more", "shrinks"),
    [
        (CHANNELS, True),
        (["pruning.method=gradual-channel", "pruning.ratio=0.5"], True),
        ([*CHANNELS, "pruning.shrink=false"], False),
        ([*CHANNELS, "pruning.control=narrow-macs"], None),
        ([*CHANNELS, "pruning.control=shuffle"], True),
        (["pruning.ratio=0.5"], None),
        ([], None),
    ],
)
def test_only_where_channels_are_removed_it_is_said_whether_they_leave(more: list[str], shrinks: bool | None) -> None:
    settings = load(assignments=more)
    assert settings.pruning.shrinks == bool(shrinks)
    assert settings.model_dump()["pruning"].get("shrink") == shrinks
    assert recorded(settings.model_dump(mode="json")).pruning.shrinks == bool(shrinks)


def test_a_file_that_says_what_is_otherwise_is_no_record_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("data: {dataset: simulated, size: [64, 64], split: block}\n")
    assert load(file=tmp_path / "own.yaml").data.normalization == load().data.normalization


def test_classification_has_no_such_choice() -> None:
    assert "normalization" not in load(assignments=["task=classification"]).model_dump()["data"]
    assert completed({"task": "classification", "data": {"dataset": "cifar10"}})["data"] == {"dataset": "cifar10"}


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("seed=true", "a whole number is needed"),
        ("seed='3'", "a whole number is needed"),
        ("training.epochs=3.0", "a whole number is needed"),
        ("training.epochs=1e2", "a whole number is needed"),
        ("training.epochs=1:30", "a whole number is needed"),
        ("training.learning_rate='0.1'", "a number is needed"),
        ("training.learning_rate=true", "a number is needed"),
        ("training.learning_rate=.inf", "finite"),
        ("training.learning_rate=1e999", "finite"),
        ("data.ignore_border=1", "true or false is needed"),
        ("data.ignore_border=yes", "true or false is needed"),
        ("data.dataset=12", "text is needed"),
        ("pruning.ratio=true", "is no ratio"),
        ("pruning.ratio='0.9'", "is no ratio"),
        ("data.size=[64, 64.0]", "a whole number is needed"),
        ("data.size=[64, 0]", "is no size"),
        ("data.size=[64, 1000000]", "is no size"),
        ("training.epochs=1000000000000", "1000000"),
        ("pruning.batch_size=100000000", "65536"),
        ("model.width=1000000", "65536"),
        ("seed=99999999999999999999999", "less than or equal to"),
        ("seed=" + "9" * 5000, "a number of 5,000 characters"),
        ("seed=!!int 3", "the tag"),
        ("training={epochs: 1, epochs: 2}", "the key 'epochs' stands there again"),
        (".".join("x" * 100_000) + "=1", "unknown key"),
    ],
)
def test_a_value_of_another_kind_or_size_is_refused(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(assignments=[assignment])
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 1600
    assert "\n" not in str(refusal.value)


def test_a_value_is_taken_as_it_is_written() -> None:
    settings = load(assignments=["seed=010", "training.learning_rate=1", "data.size=[0x40, 64]", "data.dataset=./a[b/"])
    assert (settings.seed, settings.training.learning_rate, settings.data.size) == (10, 1.0, (64, 64))
    assert settings.data.dataset == "./a[b/", "no YAML, so the text itself"


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("training:\n  epochs: 2\nmodel:\n  width: 4\ntraining:\n  batch_size: 2\n")
    with pytest.raises(ConfigError, match=r"two.yaml is no plain YAML .line 5: the key 'training' stands there again"):
        load(file=file)


@pytest.mark.parametrize("content", ["seed: " + "a" * 10**6, "".join(f"key{n}: {'v' * 300}\n" for n in range(3000))])
def test_a_message_stays_a_line_however_much_is_wrong(tmp_path: Path, content: str) -> None:
    file = tmp_path / "large.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as refusal:
        load(file=file)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 2000


def test_a_configuration_is_a_file_of_some_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="a pipe or a device"):
        load(file=tmp_path / "pipe")
    with pytest.raises(ConfigError, match="a pipe or a device"):
        load(file=Path("/dev/zero"))
    (tmp_path / "large").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ConfigError, match="at most 1,048,576 are read"):
        load(file=tmp_path / "large")


def test_defaults_follow_the_images_that_are_asked_for(tmp_path: Path) -> None:
    def of(*more: str) -> dict:
        return load(assignments=["task=classification", *more]).model_dump(mode="json")

    imagenet, tiny = of("data.dataset=imagenet"), of("data.dataset=tiny-imagenet", "training.epochs=3")
    assert (imagenet["model"], imagenet["data"]["size"]) == ({"name": "resnet50", "stem": "large"}, [224, 224])
    assert (imagenet["training"]["augment"], imagenet["training"]["epochs"]) == ("resized-crop", 90)
    assert (tiny["model"], tiny["training"]["learning_rate"]) == ({"name": "resnet18"}, 0.2)
    assert (tiny["training"]["epochs"], tiny["training"]["augment"], "size" in tiny["data"]) == (3, "crop", False)
    small, large = (of("data.dataset=./own", "model.name=vgg16", f"data.size=[{n}, {n}]") for n in (64, 128))
    assert (small["model"], small["training"]["augment"]) == ({"name": "vgg16"}, "crop")
    assert (large["model"], large["training"]["augment"]) == ({"name": "vgg16", "stem": "large"}, "resized-crop")
    # what a run wrote down is read back as it was
    for asked in (["data.dataset=imagenet", "model.stem=small"], ["data.dataset=./own", "data.size=[64, 64]"]):
        settings = load(assignments=["task=classification", *asked])
        (tmp_path / "config.yaml").write_text(json.dumps(settings.model_dump(mode="json")))
        assert load(file=tmp_path / "config.yaml") == settings
