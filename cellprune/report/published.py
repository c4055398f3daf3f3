"""The numbers of the paper on ProsPr, for tables that set ours beside them.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132), tables 3 to 10; published.md says which rows are whose.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files


def rows(table: str) -> list[dict[str, str]]:
    """Give the rows of one of its tables, "3" to "10".

    Returns:
        Of each: table, dataset, network, method, sparsity_percent (removed), metric, mean, spread and note, as printed;
        "" where the source has none.
    """
    text = files("cellprune.report").joinpath("published.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["table"] == table]


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


_TABLES = {("cifar10", "resnet20"): "4", ("cifar10", "vgg16"): "5", ("tinyimagenet", "resnet18"): "6",
           ("PhC-C2DH-U373", "unet"): "8", ("DIC-C2DH-HeLa", "unet"): "9"}  # fmt: skip
_METHODS = {"prospr": "ProsPr", "snip": "SNIP", "grasp": "GraSP", "synflow": "SynFlow", "random": "Random",
            "magnitude": "Magnitude at Initialization", "magnitude-after": "Magnitude after Training",
            "lottery": "LTR after Training"}  # fmt: skip


def curve(dataset: str, model: str, method: str) -> Curve | None:
    """Give the published curve of a method that removes single weights; None where the paper has none.

    Args:
        dataset, model, method: by our names.
    """
    table = _TABLES.get((dataset, model), "")
    own = [row for row in rows(table) if row["method"] == _METHODS.get(method)]
    if not own:
        return None
    points = sorted(((float(row["sparsity_percent"]) / 100, row) for row in own), key=lambda point: point[0])
    whole = [100 if row["metric"].endswith("percent") else 1 for _, row in points]
    values = tuple(float(row["mean"]) / one for (_, row), one in zip(points, whole, strict=True))
    return Curve(method, tuple(removed for removed, _ in points), values, table)
