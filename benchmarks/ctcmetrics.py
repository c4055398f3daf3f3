"""SEG and DET of challenge folders by py-ctcmetrics, as JSON: the numbers that tests hold `cellprune score` to.

In an environment of its own (`pip install py-ctcmetrics==1.3.3`); cellprune is not needed:

    python benchmarks/ctcmetrics.py 01_GT:01_RES 02_GT:02_RES

The folders of the tests are drawn by `tests/drawn_results.py`. Neither a track file nor links are read: SEG and DET
need none, but `ctc_metrics.evaluate_sequence` refuses a result without a valid one.

Where py-ctcmetrics 1.3.3 is no reference, seen by feeding it such images:

- It adds an offset to the result's labels in their own type. Labels near the largest of 8 or 16 bits wrap around to
  others, so that a perfect result may score 0.
- It takes the smallest label of an image for the background. In an image without background it loses a cell.
- It divides by zero without a marker, and gives SEG 0 without a gold cell, where nothing is judged.
- It knows no field of interest: cells wholly in the outer band count as extra.
- It takes the n-th result file, not the one numbered n, so that a missing file shifts all later ones.
- Its table has a field for every pair of labels of both images: twice 70,000 cells would need 157 GB.
"""

import json
import sys
from pathlib import Path

from ctc_metrics.metrics import det, seg
from ctc_metrics.scripts.evaluate import match_computed_to_reference_masks
from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations


def scores(truth: Path, result: Path) -> dict[str, object]:
    """Give SEG over the gold frames, DET over the frames with markers, and what DET counts."""
    gold = matched(truth / "SEG", "man_seg", result)
    marked = matched(truth / "TRA", "man_track", result)
    counted = count_acyclic_graph_correction_operations(
        None, None, marked["labels_ref"], marked["labels_comp"], marked["mapped_ref"], marked["mapped_comp"]
    )
    counts = {name: int(counted[name]) for name in ("num_vertices", "FN", "FP", "NS")}
    return {"SEG": seg(gold["labels_ref"], gold["ious"]), "DET": det(**counted), **counts}


def matched(folder: Path, name: str, result: Path) -> dict[str, list]:
    """Match the cells of every truth image with those of the result of the same number."""
    truth = sorted(folder.glob(f"{name}*.tif"))
    results = [result / path.name.replace(name, "mask") for path in truth]
    return match_computed_to_reference_masks(list(map(str, truth)), list(map(str, results)), threads=1)


if __name__ == "__main__":
    for pair in sys.argv[1:]:
        print(json.dumps({pair: scores(*map(Path, pair.split(":")))}))
