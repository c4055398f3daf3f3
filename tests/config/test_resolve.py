"""Which settings go together: each choice has one name, and what cannot be is refused before any work."""

import pytest

from cellprune.config import names
from cellprune.config.load import ConfigError, load, recorded, resolve


def test_a_network_of_another_task_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'resnet20' is a network for classification; --task segmentation takes unet"):
        load(assignments=["model.name=resnet20"])


def test_dense_with_a_ratio_is_a_contradiction() -> None:
    with pytest.raises(ConfigError, match="remove one"):
        load(assignments=["pruning.method=dense", "pruning.ratio=0.5"])


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["method=rigl", "granularity=channel"], "with --granularity channel take .*, gradual-channel"),
        (["method=gradual-channel", "granularity=weight"], "removes whole channels: drop granularity=weight"),
    ],
)
def test_what_does_not_go_with_channels_is_refused(assignments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(assignments=["pruning.ratio=0.5", *(f"pruning.{text}" for text in assignments)])


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["pruning.control=shuffle"], "control=shuffle needs masks, but nothing is pruned: give --prune"),
        (["pruning.method=rigl", "pruning.ratio=0.5", "pruning.control=shuffle"],
         "control=shuffle needs masks chosen before training, and 'rigl' has none: train it, then give its run with"),
        (["pruning.method=lottery", "pruning.ratio=0.5", "pruning.control=invert"], "'lottery' has none"),
        (["pruning.method=given"], "pruning.method is given, yet no masks are: add --masks FILE"),
        (["pruning={masks: run, control: invert}"], "control=invert needs scores, which masks from a file have not"),
        (["pruning.method=dense", "pruning.budget=macs=0.5"], "dense, yet pruning.budget is macs=0.5: remove one"),
        (["model.widths=[3, 5]"], "model.widths has 2 numbers, .* has 5 levels: give 5 numbers, or --model.depth 1$"),
        (["model.widths=[3]"], "model.widths has 1 number, but a network of depth 4 has 5 levels: give 5 numbers$"),
        (["model.widths=[1, 2, 3, 4, 5, 6, 7]"], "give 5 numbers, or --model.depth 6$"),
        (["model.widths=[1, 2, 3, 4, 5, 6, 7, 8]"], "model.widths has 8 numbers, .*: give 5 numbers$"),
        (["task=classification", "training.loss=dice"], "training.loss=dice is not for task 'classification', which"),
        (["training.augment=crop"], "training.augment=crop is not for task 'segmentation', which takes none or turns"),
        (["task=classification", "model.name=unet"], "'unet' is a network for segmentation; --task classification"),
        (["pruning={ratio: 0.5, control: narrow-latency}"], "channels that stay, .*: add --granularity channel"),
        (["pruning={budget: latency=0.5}"], "--budget latency=0.5 counts channels: add --granularity channel"),
        (["pruning={ratio: 0.5, granularity: channel, engine: torch}"], "engine=torch has an effect only with"),
        (["pruning={method: snip, ratio: 0.5, scope: layer, floor: 0.1}"], "remove pruning.floor=0.1"),
        (["data.target=distance", "training.loss=dice"], "is not for data.target=distance, which takes smooth-l1$"),
        (["data.target=classes", "training.loss=smooth-l1"], "loss=smooth-l1 is not for data.target=classes, which ta"),
        (["data.target=border", "data.classes=[a, b, c]"],
         "data.target=border needs label images that number the cells, but data.classes names 3 classes"),
        (["data.target=flows"], "no target 'flows'"),
        (["data.crop=64", "training.steps_per_epoch=null"], "data.crop needs training.steps_per_epoch, .*out for 30$"),
        (["data.crop=15"], "data.crop: 15: input should be greater than or equal to 16"),
        (["task=classification", "training.steps_per_epoch=9"], "passes over all its images: remove it"),
        (["pruning={method: flat, ratio: 0.5}"], "in macs, params or latency: give --budget macs=0.1 instead of "
                                                 "--prune 0.5"),
        (["pruning={method: flat, budget: channels=0.5}"], "instead of --budget channels=0.5"),
        (["pruning={method: flat, budget: macs=0.5, floor: 0.1}"], "pruning.floor=0.1 decides which weights stay, and "
                                                                   "method 'flat' makes a dense network: remove prun"),
        (["pruning={method: flat, budget: macs=0.5, exclude: [a]}"], "pruning.exclude=.*: remove pruning.exclude$"),
        (["pruning={method: narrow, budget: macs=0.5, control: shuffle}"],
         "control=shuffle needs masks, and 'narrow' is a dense network without any: remove one of the two"),
        (["pruning={method: narrow, budget: macs=0.5, granularity: weight}"], "drop granularity=weight"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_with_what_to_do(assignments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(assignments=assignments)


def test_masks_from_a_file_are_a_method_of_their_own() -> None:
    settings = load(assignments=["pruning={masks: run}"])
    assert (settings.pruning.method, settings.pruning.label) == ("given", "given")
    for amount in ("ratio: 0.5", "budget: macs=0.5"):
        with pytest.raises(ConfigError, match="gives the masks, so"):
            load(assignments=[f"pruning={{masks: run, {amount}}}"])
    assert load(assignments=["pruning={masks: run, control: shuffle}"]).pruning.label == "given-shuffle"


def test_a_method_of_channels_alone_is_by_channel_unasked() -> None:
    pruning = load(assignments=["pruning.method=gradual-channel", "pruning.ratio=0.5"]).pruning
    assert pruning.granularity == "channel"
    assert pruning.label == "gradual-channel"


@pytest.mark.parametrize(
    ("budget", "granularity", "resolved"),
    [
        ("params=0.25", "weight", (0.75, None)),
        ("params=0.25", "channel", (0.0, "params=0.25")),
        ("channels=0.25", "channel", (0.75, None)),
        ("macs=0.25", "weight", (0.0, "macs=0.25")),
        ("params=1", "weight", (0.0, None)),
        ("macs=1", "channel", (0.0, None)),
    ],
)
def test_a_budget_of_what_is_counted_is_a_ratio(budget: str, granularity: str, resolved: tuple) -> None:
    pruning = load(assignments=[f"pruning.budget={budget}", f"pruning.granularity={granularity}"]).pruning
    assert (pruning.ratio, pruning.budget) == resolved
    assert (pruning.method == "dense") == (resolved == (0.0, None))


def test_what_is_resolved_stays_as_it_is() -> None:
    for assignments in ([], ["pruning.ratio=0.9"], ["pruning.budget=macs=0.1"], ["pruning={masks: run}"]):
        settings = load(assignments=assignments)
        assert resolve(settings) == settings


def test_each_target_has_its_loss_unless_one_is_given() -> None:
    losses = {target: load(assignments=[f"data.target={target}"]).training.loss for target in names.TARGETS}
    assert losses == {"classes": "cross-entropy+dice", "border": "cross-entropy", "distance": "smooth-l1"}
    assert load(assignments=["data.target=border", "training.loss=dice"]).training.loss == "dice"
    assert load(assignments=["task=classification"]).training.loss == "cross-entropy"
    as_ever = load(assignments=["data.target=classes"])
    assert "target" not in as_ever.identity()["data"], "a run as ever has its name as ever"
    assert load().identity()["data"]["target"] == "border"


def test_what_is_older_than_targets_and_labels_that_are_classes_have_classes() -> None:
    as_ever = load(assignments=["data.target=classes"])
    older = as_ever.model_dump(mode="json")
    assert older["data"].pop("target") == "classes"
    assert recorded(older) == as_ever
    told = load(assignments=["data.classes=[background, a, b]"])
    assert (told.data.target, told.training.loss) == ("classes", "cross-entropy+dice")
