"""The numbers of the paper on ProsPr, for tables that set ours beside them.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132), tables 3 to 10; published.md says which rows are whose.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

CITED = "Alizadeh et al., ICLR 2022"
# what the paper calls a data set, a network or a method, where we have another name for it
OURS = {
    "CIFAR-10": "cifar10", "CIFAR-100": "cifar100", "TinyImageNet": "tiny-imagenet", "ImageNet": "imagenet",
    "ResNet-18": "resnet18", "ResNet-20": "resnet20", "VGG-16": "vgg16", "VGG-19": "vgg19", "U-Net": "unet",
    "unpruned": "dense", "ProsPr": "prospr", "SNIP": "snip", "GraSP": "grasp", "SynFlow": "synflow",
    "Random": "random", "Magnitude at Initialization": "magnitude", "Magnitude after Training": "magnitude-after",
    "LTR after Training": "lottery",
}  # fmt: skip
# the methods that remove whole channels
_OF_CHANNELS = {
    "ProsPr structured": "prospr", "structured pruning at initialization": "prospr", "Jeong et al.": "gradual-channel",
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """One number of a table.

    Attributes:
        table: "3" to "10".
        dataset, network, method: as the paper calls them.
        removed_percent: of weights or channels, as printed, "98.2"; "" where the source does not state it.
        metric: "test_accuracy_percent", "validation_mean_iou", or "train_wall_time_" and the unit.
        mean: as printed.
        spread: the number behind it, of which the source does not say what it is; None without one.
        note: what else the source says.
    """

    table: str
    dataset: str
    network: str
    method: str
    removed_percent: str
    metric: str
    mean: float
    spread: float | None
    note: str

    @property
    def our_dataset(self) -> str:
        """Our name of its data set."""
        return OURS.get(self.dataset, self.dataset)

    @property
    def our_network(self) -> str:
        """Our name of its network."""
        return OURS[self.network]

    @property
    def our_method(self) -> str | None:
        """Our name of its method; None of a table that compares something else."""
        return OURS.get(self.method, _OF_CHANNELS.get(self.method))

    @property
    def is_time(self) -> bool:
        """Whether it is no score."""
        return self.metric.startswith("train_wall_time")

    @property
    def score(self) -> float:
        """Its mean as a score in 0..1; of a time as printed."""
        return self._scaled(self.mean)

    @property
    def score_spread(self) -> float | None:
        """Its spread likewise."""
        return None if self.spread is None else self._scaled(self.spread)

    def _scaled(self, printed: float) -> float:
        return round(printed / 100, 6) if self.metric.endswith("percent") else printed


def rows(table: str) -> list[Published]:
    """Give the numbers of one of its tables, "3" to "10", in the order of the source; none of another table."""
    return [row for row in _all() if row.table == table]


@cache
def _all() -> tuple[Published, ...]:
    text = files("cellprune.report").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        Published(
            table=row["table"],
            dataset=row["dataset"],
            network=row["network"],
            method=row["method"],
            removed_percent=row["sparsity_percent"],
            metric=row["metric"],
            mean=float(row["mean"]),
            spread=float(row["spread"]) if row["spread"] else None,
            note=row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    )


@dataclass(frozen=True)
class Curve:
    """A published score over the share removed.

    Attributes:
        method: by our name.
        removed: shares, rising.
        values: means, 0..1.
        table: of the paper.
    """

    method: str
    removed: tuple[float, ...]
    values: tuple[float, ...]
    table: str


def curve(dataset: str, model: str, method: str) -> Curve | None:
    """Give the published curve of a method that removes single weights; None where the paper has none.

    Args:
        dataset, model, method: by our names.
    """
    asked = (dataset, model, method)
    scores = (row for row in _all() if row.removed_percent and not row.is_time)
    own = [row for row in scores if (row.our_dataset, row.our_network, OURS.get(row.method)) == asked]
    if not own:
        return None
    points = sorted((float(row.removed_percent) / 100, row.score) for row in own)
    return Curve(method, tuple(removed for removed, _ in points), tuple(value for _, value in points), own[0].table)
