"""The page says what its numbers do and do not mean."""

import pytest

from cellprune.report import sentences

COST = {
    "parameters": {"total": 1100, "prunable": 1000, "kept": 30},
    "sparsity": {"direct": 0.97, "effective": 0.973, "input": [1, 256, 256]},
    "macs": {"dense": 1000, "masked": 80},
    "bytes": {"dense_fp32": 4000, "model_file": 160},
    "milliseconds": {"dense": 10.0, "pruned": 9.9},
}


def split(how: str, policy: str = "ignore") -> dict:
    entries = [{"sequence": "02", "frame": 1}, {"sequence": "01", "frame": 2}]
    return {"how": how, "seed": 7, "policy": policy, "parts": {"train": entries, "select": [], "report": entries[:1]}}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"name": "unet", "width": 8, "depth": 2, "norm": "batch", "padding": "same"}, "unet, width 8, depth 2"),
        ({"name": "smp:unet/resnet18", "weights": None}, "smp:unet/resnet18"),
        ({"name": "smp:unet/resnet18", "weights": "imagenet"}, "smp:unet/resnet18, weights imagenet"),
    ],
)
def test_a_network_is_named_with_the_settings_it_has(model: dict, told: str) -> None:
    assert sentences.network(model) == told


def test_scope_names_frames_recordings_split_and_policy() -> None:
    told = plain(sentences.scope(split("random")))
    for part in ("1 frame that", "from 2 frames", "2 recordings (01, 02)", "random, split seed 7", "policy ignore: "):
        assert part in told


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("random", "too good: `--split sequence`, which holds out a whole recording, is the harder question"),
        ("block", "`--split sequence` is the harder question"),
        ("sequence", "nothing of it was learned"),
    ],
)
def test_scope_says_how_hard_the_question_was(how: str, said: str) -> None:
    assert said in plain(sentences.scope(split(how)))


def test_scope_of_a_plain_folder_speaks_of_images_not_recordings() -> None:
    made = split("random")
    for entry in (entry for part in made["parts"].values() for entry in part):
        entry.update(sequence="my-cells", name=f"{entry['frame']}.tif")
    told = plain(sentences.scope(made))
    assert "of the folder my-cells" in told
    assert "--split block" in told
    assert "recording" not in told


@pytest.mark.parametrize("policy", ["paper", "ignore", "complete", "silver"])
def test_scope_explains_every_policy(policy: str) -> None:
    assert "see the documentation" not in sentences.scope(split("random", policy))


def test_gain_says_that_zeros_make_nothing_faster() -> None:
    told = plain(sentences.gain(COST))
    for part in (
        "smaller file: 160 B instead of 4.00 kB",
        "no speed",
        "9.90 ms pruned and 10.0 ms dense",
        "8 % of the mul",
    ):
        assert part in told
    larger = COST | {"bytes": {"dense_fp32": 4000, "model_file": 4100}}
    assert "does not even buy a smaller file" in sentences.gain(larger)


@pytest.mark.parametrize(
    ("pruning", "said"),
    [
        ({"ratio": 0.97}, "97 % of the weights removed"),
        ({"ratio": 0.5, "granularity": "channel"}, "50 % of the channels removed"),
        ({"ratio": 0.5, "effective": True}, "50 % of the weights removed, including those that no path reaches"),
        ({"budget": "macs=0.1", "granularity": "channel"}, "10 % of the multiply-adds kept, by channel"),
        ({"budget": "params=0.1", "granularity": "channel"}, "10 % of the parameters kept, by channel"),
        ({"budget": "macs=0.3"}, "30 % of the multiply-adds kept"),
    ],
)
def test_how_much_is_told_with_its_unit(pruning: dict, said: str) -> None:
    assert plain(sentences.amount(pruning)) == said


def test_what_was_asked_stands_beside_what_was_achieved() -> None:
    budget = {"unit": "macs", "target": 0.1, "achieved": 0.0999, "dense": 10000, "allowed": 1000, "kept": 999}
    assert plain(sentences.reached(COST | {"budget": budget})) == (
        "999 of 10,000 multiply-adds per image stay (9.99 %, asked: 10 %); nothing that was removed would fit into the "
        "rest of the budget."
    )
    weights = {"unit": "weights", "target": 0.03, "achieved": 0.03, "dense": 484_824, "allowed": 14_545, "kept": 14_545}
    assert plain(sentences.reached(COST | {"budget": weights})) == "14,545 of 484,824 weights stay (3 %, as asked)."
    assert plain(sentences.reached(COST)) == "30 of 1,000 prunable weights stay (3 %)."


def test_paths_and_deaths_are_told() -> None:
    assert plain(sentences.paths(COST)).startswith("90 % of the kept weights lie on a path")
    assert sentences.deaths([]) == "No layer lost all its weights."
    assert sentences.deaths(["a"]).startswith("1 layer lost all weights (it is marked")
    assert sentences.deaths(["a", "b"]).startswith("2 layers lost all weights (they are")
