"""A published table as a plan: by its protocol, with what is less said, and refused before the first run."""

import pytest

from cellprune.config import load as config
from cellprune.config import names, shipped
from cellprune.config.reproduce import Reproduce
from cellprune.data.sets import cards
from cellprune.errors import CellpruneError
from cellprune.tables import paper
from cellprune.tables.reproduce import reproduced

CONFIGS = shipped.folder("configs")
PROTOCOL = {"epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "schedule", "augment"}


def test_rows_and_columns_are_trained_by_the_protocol_with_the_unpruned_network_beside() -> None:
    whole = reproduced("4", Reproduce(rows=("snip", "prospr"), columns=("98.2", "20"), seeds=2))
    assert [arm.name for arm in whole.arms] == [
        "dense", "snip, 20\u00a0% removed", "snip, 98.2\u00a0% removed", "prospr, 20\u00a0% removed",
        "prospr, 98.2\u00a0% removed",
    ]  # fmt: skip
    assert len(whole.trials) == 10
    assert [arm.slot and arm.slot.value for arm in whole.arms] == [None, 0.918, 0.74, 0.923, 0.742]
    assert whole.arms[2].settings.pruning.ratio == 1 - 0.8**18
    assert list(whole.of_paper.changed.values()) == [()]
    baselines, code = (
        reproduced("4", Reproduce(rows=("snip",), columns=("20",), protocol=name)).arms[1].settings.training
        for name in ("frankle-cifar10", "prospr-code")
    )
    assert (baselines.epochs, baselines.batch_size, baselines.weight_decay) == (160, 128, 1e-4)
    assert (code.epochs, code.batch_size, code.weight_decay) == (200, 256, 5e-4)


@pytest.mark.parametrize(("number", "file"), [("8", "u373-prospr-97"), ("9", "hela-prospr-90")])
def test_the_tables_of_cells_are_those_of_the_shipped_configurations(number: str, file: str) -> None:
    ours = next(arm for arm in reproduced(number, Reproduce()).arms if arm.method == "prospr")
    assert ours.settings == config.load(file=CONFIGS / f"{file}.yaml")
    dense = config.load(file=CONFIGS / f"{file.split('-')[0]}-dense.yaml")
    assert reproduced(number, Reproduce()).arms[0].settings == dense


def test_rows_of_one_method_are_told_apart_and_share_the_unpruned_network() -> None:
    whole = reproduced("3", Reproduce(columns=("cifar10-90", "cifar100-90"), seeds=1))
    assert [whole.name(trial) for trial in whole.trials][:3] == [
        "cifar10, dense, seed 0", "cifar10, prospr M=0, 90\u00a0% removed, seed 0",
        "cifar10, prospr M=1, 90\u00a0% removed, seed 0",
    ]  # fmt: skip
    assert len({arm.criterion for arm in whole.arms}) == 5
    assert [arm.settings.pruning.inner_steps for arm in whole.arms[1:5]] == [0, 1, 2, 3]
    assert {arm.settings.pruning.granularity for arm in whole.arms if not arm.is_dense} == {"channel"}


def test_what_is_less_or_other_than_published_is_named() -> None:
    others = ["training.learning_rate=0.05", "pruning.inner_lr=0.5", "training.precision=bf16"]
    fewer = reproduced("4", Reproduce(columns=("20",), epochs_scale=0.125), others)
    assert list(fewer.of_paper.changed.values()) == [
        (
            "20 of 160 epochs", "training.learning_rate 0.05 in place of 0.1",
            "pruning.inner_lr 0.5 in place of 0.1",
        )
    ]  # fmt: skip
    assert {arm.settings.training.epochs for arm in fewer.arms} == {20}
    inside = reproduced("4", Reproduce(columns=("20",)), ["data={dataset: cifar100, holdout: 0.2}"])
    assert list(inside.of_paper.changed.items()) == [
        (("cifar10", "resnet20", "classes"), ("data.holdout 0.2 in place of 0.01",))
    ], "the table decides its data set"
    more = reproduced("9", Reproduce(epochs=60))
    assert list(more.of_paper.changed.values()) == [("training.epochs 60 in place of 50",)]


def test_a_row_that_begins_with_trained_weights_takes_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "START", "training.unheard")
    with pytest.raises(CellpruneError, match=r"BYOL trained \(row byol\); nothing .* can be trained is --rows random"):
        reproduced("10", Reproduce())
    monkeypatch.setattr(paper, "START", "training.evaluate_every")  # a setting that there is, in its place
    with pytest.raises(
        CellpruneError, match=r"row byol begins with .* BYOL trained: give their file as --set training"
    ):
        reproduced("10", Reproduce())
    given = ["training.evaluate_every=7"]
    with pytest.raises(CellpruneError, match="each of the columns cifar10, cifar100: give --columns cifar10"):
        reproduced("10", Reproduce(), given)
    whole = reproduced("10", Reproduce(columns=("cifar10",)), given)
    assert [(arm.label, arm.settings.training.evaluate_every) for arm in whole.arms] == [
        ("dense", 5), ("prospr", 5), ("prospr BYOL", 7),
    ]  # fmt: skip
    assert list(whole.of_paper.changed.values()) == [()]


@pytest.mark.parametrize(
    ("number", "asked", "assignments", "said"),
    [
        ("4", {"rows": ("snipp",)}, (), r"no row 'snipp' \(in table 4\).\nDid you mean 'snip'"),
        ("4", {"columns": ("98",)}, (), r"no column '98' \(in table 4\).\nDid you mean '98\.2'"),
        ("4", {"epochs_scale": 0.001}, (), "leaves no epoch of the protocol's 160: give at least 0.00625"),
        ("4", {"protocol": "frankle-cifar"}, (), "no protocol 'frankle-cifar'.*\nDid you mean 'frankle-cifar10'"),
        ("9", {"protocol": "prospr-code"}, (), "no protocol 'prospr-code'"),
        ("4", {}, ("data.dataset=cifar100",), "table 4 decides data.dataset: remove it from --set"),
        ("4", {}, ("training.epochs=3",), "table 4 decides training.epochs: give --epochs"),
        ("3", {}, ("pruning.inner_steps=1",), "table 3 decides pruning.inner_steps"),
    ],
)
def test_what_cannot_be_is_refused(
    number: str, asked: dict[str, object], assignments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CellpruneError, match=said):
        reproduced(number, Reproduce(**asked), assignments)


def test_what_this_version_lacks_is_named_and_once_it_is_there_the_rows_run(monkeypatch: pytest.MonkeyPatch) -> None:
    have = ["cifar10", "cifar100"]
    monkeypatch.setattr(cards, "names", lambda: have)
    with pytest.raises(CellpruneError, match=r"table 6 .* lacks: the data set tiny-imagenet \(all of it\); .* none of"):
        reproduced("6", Reproduce())
    with pytest.raises(CellpruneError) as refused:
        reproduced("7", Reproduce())
    assert str(refused.value) == (
        "table 7 needs what this version lacks: the data set tiny-imagenet (columns tiny-imagenet-resnet18, "
        "tiny-imagenet-vgg19); the data set imagenet (column imagenet-resnet18); nothing was begun, and what can be "
        "trained is --columns cifar100-resnet18 cifar100-vgg19"
    )
    have += ["tiny-imagenet"]
    assert len(reproduced("6", Reproduce(rows=("grasp",))).arms) == 1 + 18
    per_group = {arm.group[:2]: arm for arm in reproduced("7", Reproduce(columns=("tiny-imagenet-vgg19",))).arms}
    assert per_group["tiny-imagenet", "vgg19"].settings.training.epochs == 200
    have += ["imagenet"]
    monkeypatch.setattr(names, "MODELS", {"vgg19": "somewhere"})
    with pytest.raises(CellpruneError, match=r"the network resnet50 \(columns resnet50-90, resnet50-95\)"):
        reproduced("1", Reproduce())
