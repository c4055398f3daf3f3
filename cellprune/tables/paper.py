"""The tables of the paper on ProsPr as sweeps: what each compares, and what is trained for each of its numbers.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132); `report.published` has its numbers. Where the paper does not say
a setting, the choice is ours, and the table's notes say so.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Literal

from cellprune.errors import CellpruneError, unknown
from cellprune.report.published import Published, rows

Quantity = Literal["accuracy", "iou_image_mean", "time_share"]
START = "training.init"
TABLES = tuple(str(number) for number in range(1, 11))
_CHANNELS = "pruning.granularity=channel"
_OF_IMAGENET = ("training.epochs=90", "training.augment=resized-crop")
_INNER = "The settings of ProsPr are those of its code's command line: 3 inner steps, learning rate 0.1, no momentum."
_QUANTITIES: dict[str, Quantity] = {"test_accuracy_percent": "accuracy", "validation_mean_iou": "iou_image_mean"}


@dataclass(frozen=True)
class Slot:
    """Where a row and a column of a table meet, and what is trained for it.

    Attributes:
        row, column: names, as they are typed.
        label: what the paper calls the row, for people.
        dataset, model, method: by our names; the method is "dense" where nothing is pruned.
        amount: how much goes, as a sweep has it; "" where nothing is pruned.
        settings: assignments beside those of the protocol.
        variant: what tells the row from others of its method; "" where nothing does.
        start: what trained the weights that it begins with, "BYOL"; the setting `START` names their file. "" where they
            are random.
        quantity: what is compared. "time_share" is the time of the training over that of the unpruned network.
        value: published, a share of 0..1; None where no source that we have confirms one.
        spread: that the paper prints behind it.
    """

    row: str
    column: str
    label: str
    dataset: str
    model: str
    method: str
    amount: str
    settings: tuple[str, ...] = ()
    variant: str = ""
    start: str = ""
    quantity: Quantity = "accuracy"
    value: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        about: what it compares, as the end of a sentence.
        protocols: files of `configs/protocols/`; the first is taken unless told.
        notes: what is not known, and what we chose.
    """

    number: str
    about: str
    protocols: tuple[str, ...]
    slots: tuple[Slot, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(dict.fromkeys(slot.row for slot in self.slots))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(dict.fromkeys(slot.column for slot in self.slots))


@cache
def table(number: str) -> Table:
    """Give a table.

    Raises:
        CellpruneError: there is none of this number.
    """
    if number not in TABLES:
        raise CellpruneError(unknown("table", number, TABLES, "the paper on ProsPr"))
    return {
        "1": _first_order, "2": _by_channel, "3": _meta_steps, "4": _methods, "5": _methods, "6": _methods,
        "7": _times, "8": _cells, "9": _cells, "10": _beginnings,
    }[number](number)  # fmt: skip


def _first_order(number: str) -> Table:
    slots = [
        Slot(
            "prospr", f"{model}-{percent}", "ProsPr, first-order", "imagenet", model, "prospr",
            _share(percent), ("pruning.order=first", *_OF_IMAGENET),
        )
        for model in ("vgg19", "resnet50")
        for percent in ("90", "95")
    ]  # fmt: skip
    notes = ("We have the caption of this table and none of its numbers. The ratios, and 90 epochs, are our choice.",)
    return Table(number, "first-order ProsPr on ImageNet, VGG-19 and ResNet-50", ("prospr-code",), tuple(slots), notes)


def _by_channel(number: str) -> Table:
    slots = [
        Slot(method, f"{dataset}-{percent}", label, dataset, "vgg19", method, _share(percent), (_CHANNELS,))
        for method, label in (("prospr", "ProsPr structured"), ("3sp", "3SP"))
        for dataset in ("cifar10", "cifar100")
        for percent in ("90", "95")
    ]
    notes = (
        "We have the caption of this table and none of its numbers. The rows are our choice.",
        "Channels are counted; what the paper's ratio counts is not known.",
        _INNER,
    )
    return Table(number, "methods that remove channels, VGG-19 on CIFAR", ("prospr-code",), tuple(slots), notes)


def _meta_steps(number: str) -> Table:
    slots = []
    for row in rows(number):
        steps = row.note.removeprefix("meta steps M=")
        slot = _slot(row, f"m={steps}", f"{row.our_dataset}-{row.removed_percent}")
        settings = (_CHANNELS, f"pruning.inner_steps={steps}")
        slots.append(replace(slot, label=f"M = {steps}", variant=f"M={steps}", settings=settings))
    notes = (
        "Channels are counted, and the output of a channel's norm is scored; what the paper's ratio counts, and what "
        "it scores, is not known.",
        _INNER,
    )
    about = "how many inner steps ProsPr takes, VGG-19 by channel on CIFAR"
    return Table(number, about, ("prospr-code",), tuple(slots), notes)


def _methods(number: str) -> Table:
    own = rows(number)
    steps = {percent: n for n, percent in enumerate(sorted({row.removed_percent for row in own}, key=float), 1)}
    slots = [
        # the ladder's exact share, of which the table prints one decimal
        replace(
            _slot(row, str(row.our_method), f"{float(row.removed_percent):g}"),
            amount=repr(1 - 0.8 ** steps[row.removed_percent]),
        )
        for row in own
    ]
    notes = (
        "All rows but ProsPr's seem to be of Frankle et al. (ICLR 2021), trained by their protocol. By which protocol "
        "ProsPr's were trained is not known; --protocol prospr-code takes that of its code, for all rows.",
        _INNER,
        "Random draws from the whole network, magnitude-after trains on from the trained weights, and lottery goes "
        "back to the initialization; how the paper has these is not known.",
    )
    network, dataset = own[0].network, own[0].dataset
    protocol = "frankle-tiny-imagenet" if dataset == "TinyImageNet" else "frankle-cifar10"
    about = f"8 methods at 18 sparsities, {network} on {dataset}"
    return Table(number, about, (protocol, "prospr-code"), tuple(slots), notes)


def _times(number: str) -> Table:
    own = rows(number)
    unpruned = {(row.dataset, row.network): row.mean for row in own if row.method == "unpruned"}
    slots = []
    for row in own:
        is_dense = row.method == "unpruned"
        slot = _slot(row, "unpruned" if is_dense else row.removed_percent, f"{row.our_dataset}-{row.our_network}")
        own_training = _OF_IMAGENET if row.dataset == "ImageNet" else ()
        share = row.mean / unpruned[row.dataset, row.network]
        label = "unpruned" if is_dense else f"{row.removed_percent} % removed"
        slots.append(
            replace(slot, label=label, settings=(_CHANNELS, *own_training), quantity="time_share", value=share)
        )
    notes = (
        "Times are compared as shares of the unpruned network's, on this machine; the paper's are of an RTX 2080 Ti.",
        "ProsPr chooses the channels; how the paper chose them is not known.",
    )
    return Table(number, "time of a training after channels were removed", ("prospr-code",), tuple(slots), notes)


def _cells(number: str) -> Table:
    own = rows(number)
    slots = [_slot(row, "unpruned" if row.our_method == "dense" else str(row.our_method), row.dataset) for row in own]
    notes = (
        "The paper chose its ratio by the frames that it scores, so its numbers are optimistic.",
        "The method of Jeong et al. (SPIE 2021) is taken for gradual magnitude pruning of channels; its stages are not "
        "known.",
        _INNER,
    )
    return Table(number, f"a U-Net on {own[0].dataset}, pruned and unpruned", ("prospr-unet",), tuple(slots), notes)


def _beginnings(number: str) -> Table:
    slots = []
    for row in rows(number):
        is_random = row.method == "ProsPr on random initialization"
        slot = replace(_slot(row, "random" if is_random else "byol", row.our_dataset), method="prospr", amount="0.9")
        slots.append(slot if is_random else replace(slot, variant="BYOL", start="BYOL"))
    notes = ("The paper does not state its ratio: 90 % is our choice, so the two numbers are not of one thing.", _INNER)
    return Table(number, "ProsPr from random weights and from BYOL's, ResNet-18", ("prospr-code",), tuple(slots), notes)


def _slot(row: Published, name: str, column: str) -> Slot:
    """Give the place of a published number."""
    return Slot(
        row=name,
        column=column,
        label=row.method,
        dataset=row.our_dataset,
        model=row.our_network,
        method=row.our_method or "",
        amount="" if row.our_method == "dense" else _share(row.removed_percent or "0"),
        quantity=_QUANTITIES.get(row.metric, "accuracy"),
        value=row.score,
        spread=row.score_spread,
    )


def _share(percent: str) -> str:
    """Write a printed percentage as the share that settings have."""
    return repr(float(Fraction(percent) / 100))
