"""What MultiQC shows of a prediction: cells per file, beside the other steps of a pipeline.

Source: MultiQC's custom content (docs.seqera.io/multiqc/custom_content), a table in a file that ends in `_mqc.json`.
"""

from collections.abc import Iterable

NAME = "cellprune_mqc.json"
_COLUMNS = {"images": "images", "cells": "cells", "not_done": "not done"}


def content(images: Iterable[tuple[str, int]], failed: Iterable[str]) -> dict[str, object]:
    """Give the table.

    Args:
        images: file and number of cells of each image; those of a file are counted together.
        failed: files, once for each image that was not predicted.
    """
    data: dict[str, dict[str, int]] = {}
    for file, n_cells in images:
        row = data.setdefault(file, dict.fromkeys(_COLUMNS, 0))
        row["images"] += 1
        row["cells"] += n_cells
    for file in failed:
        data.setdefault(file, dict.fromkeys(_COLUMNS, 0))["not_done"] += 1
    return {
        "id": "cellprune",
        "section_name": "cellprune",
        "description": "Cells that cellprune found in each file.",
        "plot_type": "table",
        "pconfig": {"id": "cellprune_table", "title": "cellprune: cells"},
        "headers": {name: {"title": title, "format": "{:,d}"} for name, title in _COLUMNS.items()},
        "data": data,
    }
