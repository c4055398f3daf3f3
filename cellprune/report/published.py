"""The numbers of the paper on ProsPr, for tables that set ours beside them.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132), tables 3 to 10; published.md says which rows are whose.
"""

import csv
from importlib.resources import files


def rows(table: str) -> list[dict[str, str]]:
    """Give the rows of one of its tables, "3" to "10".

    Returns:
        Of each: table, dataset, network, method, sparsity_percent (removed), metric, mean, spread and note, as printed;
        "" where the source has none.
    """
    text = files("cellprune.report").joinpath("published.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["table"] == table]
