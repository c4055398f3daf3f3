"""SEG, DET, TRA and LNK of challenge folders by py-ctcmetrics, as JSON: what tests hold `cellprune score` to.

In an environment of its own (`pip install py-ctcmetrics==1.3.3`); cellprune is not needed:

    python benchmarks/ctcmetrics.py 01_GT:01_RES 02_GT:02_RES

The folders of the tests are drawn by `tests/drawn_results.py`. Without res_track.txt neither TRA nor LNK is computed:
SEG and DET need no tracks, but `ctc_metrics.evaluate_sequence` refuses a result without them. With it, the answer says
whether its validator takes the result.

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

from ctc_metrics.metrics import det, lnk, seg, tra, valid
from ctc_metrics.scripts.evaluate import match_computed_to_reference_masks
from ctc_metrics.utils.filesystem import parse_masks, read_tracking_file
from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations


def scores(truth: Path, result: Path) -> dict[str, object]:
    """Give SEG over the gold frames, DET, TRA and LNK over the frames with markers, and what these count."""
    gold = matched(truth / "SEG", "man_seg", result) if (truth / "SEG").is_dir() else None
    marked = matched(truth / "TRA", "man_track", result)
    tracks = read_tracking_file(str(result / "res_track.txt"))
    counted = count_acyclic_graph_correction_operations(
        None if tracks is None else read_tracking_file(str(truth / "TRA" / "man_track.txt")), tracks,
        marked["labels_ref"], marked["labels_comp"], marked["mapped_ref"], marked["mapped_comp"],
    )  # fmt: skip
    names = ("num_vertices", "FN", "FP", "NS") + (() if tracks is None else ("num_edges", "EA", "ED", "EC"))
    said = {"SEG": seg(gold["labels_ref"], gold["ious"])} if gold else {}
    said |= {"DET": det(**counted), **{name: int(counted[name]) for name in names}}
    if tracks is not None:
        said |= {"TRA": tra(**counted)[0], "LNK": lnk(**counted)}
        said["valid"] = valid(parse_masks(str(result)), tracks, marked["labels_comp"])
    return said


def matched(folder: Path, name: str, result: Path) -> dict[str, list]:
    """Match the cells of every truth image with those of the result of the same number."""
    truth = sorted(folder.glob(f"{name}*.tif"))
    results = [result / path.name.replace(name, "mask") for path in truth]
    return match_computed_to_reference_masks(list(map(str, truth)), list(map(str, results)), threads=1)


if __name__ == "__main__":
    for pair in sys.argv[1:]:
        print(json.dumps({pair: scores(*map(Path, pair.split(":")))}))
