"""The page says what its numbers do and do not mean."""

from dataclasses import replace

import pytest

from cellprune.report import sentences
from cellprune.runs.cost import Budget, Bytes, Cost, Latency, Milliseconds, StandIn, Whole
from cellprune.runs.layer_times import TimedIn
from cellprune.runs.split import FrameSplit, SplitFrame
from cellprune.runs.tuning import Tried, Tuning
from cellprune.structure.counts import Macs, Parameters, Sparsity
from cellprune.targets.decoders import BorderSeeds

COST = Cost(
    parameters=Parameters(total=1100, left=130, prunable=1000, kept=30, active=27),
    sparsity=Sparsity(0.97, 0.973, (1, 256, 256)),
    macs=Macs(1000, 80, (1, 256, 256)),
    layers=(),
    bytes=Bytes(dense_fp32=4000, model_file=160),
    milliseconds=Milliseconds(dense=10.0, pruned=9.9, repeats=5, threads=2, device="cpu"),
    dead_layers=(),
)


def split(how: str, policy: str = "ignore", *, in_folder: bool = False) -> FrameSplit:
    frames = (SplitFrame(sequence="02", frame=1, sha256={}), SplitFrame(sequence="01", frame=2, sha256={}))
    if in_folder:
        frames = tuple(replace(frame, sequence="my-cells", name=f"{frame.frame}.tif") for frame in frames)
    parts = {"train": frames, "select": (), "report": frames[:1]}
    return FrameSplit("set", how, 0.3, 7, 0.0, policy, None, parts, ())


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


@pytest.mark.parametrize(
    ("round_to", "said"),
    [
        (1, "the largest one that costs"),
        (32, "the largest one in steps of 32 that"),
        ("auto", "in steps of 16 channels ("),
    ],
)
def test_the_largest_network_is_the_largest_of_those_that_there_may_be(round_to: int | str, said: str) -> None:
    control = StandIn("flat", "macs", 1_203_109_888, 886_702_080, (16, 16), Whole((32, 64), 7_762_498, 12_035_555_328))
    told = plain(sentences.stands_in(control, round_to=round_to))
    assert said in told
    assert "has 887 M, 73.7 % of that" in told


def test_scope_names_frames_recordings_split_and_policy() -> None:
    told = plain(sentences.scope(split("random"), "report"))
    for part in ("1 frame that", "from 2 frames", "2 recordings (01, 02)", "random, split seed 7", "policy ignore: "):
        assert part in told


def test_scope_of_frames_to_choose_on_does_not_speak_of_those_held_out() -> None:
    chosen_on = replace(split("random"), parts={**split("random").parts, "select": split("random").parts["train"]})
    told = plain(sentences.scope(chosen_on, "select"))
    assert "Scored on 2 frames that the network did not learn from, set apart to choose settings by" in told
    assert "those held out (1 frame) were not scored" in told


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("random", "too good: `--split sequence`, which holds out a whole recording, is the harder question"),
        ("block", "`--split sequence` is the harder question"),
        ("sequence", "nothing of it was learned"),
    ],
)
def test_scope_says_how_hard_the_question_was(how: str, said: str) -> None:
    assert said in plain(sentences.scope(split(how), "report"))


def test_scope_of_a_plain_folder_speaks_of_images_not_recordings() -> None:
    told = plain(sentences.scope(split("random", in_folder=True), "report"))
    assert "of the folder my-cells" in told
    assert "--split block" in told
    assert "recording" not in told


@pytest.mark.parametrize("policy", ["paper", "ignore", "complete", "silver"])
def test_scope_explains_every_policy(policy: str) -> None:
    assert "see the documentation" not in sentences.scope(split("random", policy), "report")


def timed(cost: Cost, pruned: float) -> Cost:
    return replace(cost, milliseconds=replace(cost.milliseconds, pruned=pruned))


def test_gain_of_a_smaller_network_is_what_was_measured() -> None:
    small = replace(COST, shrunk=True)
    assert plain(sentences.gain(timed(small, 1.7))) == (
        "The removed channels are no longer in the network. Its file has 160 B instead of 4.00 kB. It is faster: one "
        "image takes 1.70 ms pruned and 10.0 ms dense. The pruned network does 8 % of the multiply-adds."
    )
    assert "It buys no speed here: one image takes 9.90 ms pruned" in plain(sentences.gain(small))


def test_gain_says_that_zeros_make_nothing_faster() -> None:
    told = plain(sentences.gain(COST))
    for part in (
        "smaller file: 160 B instead of 4.00 kB",
        "no speed",
        "9.90 ms pruned and 10.0 ms dense",
        "8 % of the mul",
    ):
        assert part in told
    chance = plain(sentences.gain(timed(COST, 8.0)))
    assert "8.00 ms pruned and 10.0 ms dense, but that is chance" in chance
    assert "buys" not in chance.partition("instead of")[2]
    larger = replace(COST, bytes=Bytes(dense_fp32=4000, model_file=4100))
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
        (
            {"budget": "latency=0.3", "granularity": "channel", "engine": "onnx"},
            "30 % of the milliseconds in onnx kept, by channel",
        ),
    ],
)
def test_how_much_is_told_with_its_unit(pruning: dict, said: str) -> None:
    assert plain(sentences.amount(pruning)) == said


def test_what_was_asked_stands_beside_what_was_achieved() -> None:
    budget = Budget("macs", 0.1, 0.0999, 10_000, 1000, 999)
    assert plain(sentences.reached(COST.parameters, budget)) == (
        "999 of 10,000 multiply-adds per image stay (9.99 %, asked: 10 %); nothing that was removed in one piece would "
        "fit into the rest of the budget."
    )
    weights = Budget("weights", 0.03, 0.03, 484_824, 14_545, 14_545)
    assert plain(sentences.reached(COST.parameters, weights)) == "14,545 of 484,824 weights stay (3 %, as asked)."
    assert plain(sentences.reached(COST.parameters, None)) == "30 of 1,000 prunable weights stay (3 %)."


def test_both_shares_of_the_time_stand_in_one_sentence() -> None:
    by_layers = Budget("latency", 0.25, 0.2475, 40_000_000, 10_000_000, 9_900_000)
    timed_in = TimedIn(engine="onnx", version="1.2", processor="p", threads=2)
    latency = Latency(timed_in=timed_in, dense=50.0, made=14.0, passes=9)
    told = "the network takes 14.0 ms of 50.0 ms (28 %) in onnx 1.2 with 2 threads."
    assert plain(sentences.reached(COST.parameters, by_layers, latency)) == (
        f"9.90 ms of 40.0 ms of the layers' time stay (24.8 %, asked: 25 %); timed as a whole, {told}"
    )
    assert plain(sentences.reached(COST.parameters, by_layers)).endswith("asked: 25 %).")
    weights = Budget("weights", 0.03, 0.03, 484_824, 14_545, 14_545)
    assert plain(sentences.reached(COST.parameters, weights, latency)).endswith(f"as asked). Timed as a whole, {told}")


def test_paths_and_deaths_are_told() -> None:
    assert plain(sentences.paths(COST.sparsity)).startswith("90 % of the kept weights lie on a path")
    assert sentences.deaths([]) == "No layer lost all its weights."
    assert sentences.deaths(["a"]).startswith("1 layer lost all weights (it is marked")
    assert sentences.deaths(["a", "b"]).startswith("2 layers lost all weights (they are")


def test_a_tuning_names_what_was_chosen_of_what_on_what() -> None:
    tried = (Tried(BorderSeeds(min_area_px=40), 0.5), Tried(BorderSeeds(seed=0.3, min_area_px=40), 0.75))
    tuning = Tuning(tried=tried, chosen=1, frames=("01/003", "01/007"), n_cells=31)
    own = "border (seed 0.5, foreground 0.5, min_area_px 40, radius_px 0, depth 0)"
    assert sentences.tuned(tuning) == (
        "2 decoders were tried on 2 frames that the network learned from (31 cells). The best one is border (seed 0.3, "
        "foreground 0.5, min_area_px 40, radius_px 0, depth 0): its SEG there is 0.7500, that of "
        f"{own} is 0.5000. The held-out frames had no say."
    )
    assert sentences.tuned(replace(tuning, chosen=0)).endswith(f"None has a better SEG than {own}, which stays.")
    skipped = Tuning(tried=tried[:1], skipped="labels are classes, which number no cells")
    assert sentences.tuned(skipped) == f"The decoder was not tuned: {skipped.skipped}. It stays {own}."
    with pytest.raises(ValueError, match="decoder 2 of 2 is chosen"):
        replace(tuning, chosen=2)
