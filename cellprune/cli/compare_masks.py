"""`cellprune compare-masks`: what two masks of one network have in common."""

import json as text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli.terminal import say

if TYPE_CHECKING:
    from cellprune.evaluation.overlap import Overlap


def compare_masks(first: Path, second: Path, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Print the share that two masks keep in each layer, and their overlap.

    Examples:

        cellprune compare-masks synflow.safetensors prospr.safetensors

        cellprune compare-masks runs/ONE runs/OTHER --json

    Parameters
    ----------
    first
        A masks file of `cellprune prune`, or a run folder.
    second
        A masks file or run folder of the same network.
    json
        Print the comparison as one JSON object.
    """
    from cellprune.evaluation import overlap
    from cellprune.runs import maskfile

    masks = maskfile.read(first), maskfile.read(second)
    layers = overlap.by_layer(*map(overlap.packed, masks))
    rows = {**layers, "all layers": overlap.in_all(layers.values())}
    alone = [[name for name in one if name not in other] for one, other in (masks, masks[::-1])]
    if json:
        by_layer, in_all = [{"name": name, **_plain(row)} for name, row in layers.items()], _plain(rows["all layers"])
        print(text.dumps({"first": str(first), "second": str(second), "layers": by_layer, **in_all, "alone": alone}))
        return
    width = max(map(len, rows))
    say(f"{'':{width}}  {'weights':>11}  {'first':>8}  {'second':>8}  {'overlap':>8}  {'by chance':>9}")
    for name, row in rows.items():
        densities = (f"{kept / max(1, row.weights):8.2%}" for kept in row.kept)
        say(f"{name:{width}}  {row.weights:>11,}  {'  '.join(densities)}  {_share(row.share):>8}  "
              f"{_share(row.share_by_chance):>9}")  # fmt: skip
    say("first, second: share of the layer's weights kept. overlap: kept by both over kept by either. by chance: the")
    say("overlap expected if each layer's weights were drawn at random.")
    if any(mask.ndim == 1 for one in masks for mask in one.values()):
        say("Whole channels were removed: chance alone gives them a larger overlap than single weights.")
    for which, names in zip(("first", "second"), alone, strict=True):
        if names:
            say(f"masked only in the {which}: {', '.join(names)}")


def _plain(row: "Overlap") -> dict[str, object]:
    shares = {"overlap": row.share, "overlap_by_chance": row.share_by_chance}
    return {"weights": row.weights, "kept": row.kept, "both": row.both, **shares}


def _share(value: float | None) -> str:
    return "none kept" if value is None else f"{value:.2%}"
