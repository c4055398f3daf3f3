"""How our ranking of the methods agrees with the published one, and where each method leaves its weights.

Spearman's rank correlation between the accuracies of each of our seeds and the published means, over the methods of
table 4 that prune before training; over seeds their mean and Student's t interval. The picture has the share that each
method keeps of each layer, the mean over seeds.

    python benchmarks/methods.py docs/measurements/cifar10.json runs/cifar10*
    python benchmarks/ranking.py docs/measurements/cifar10.json --picture docs/pictures/cifar10-layers.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator
from methods import load
from scipy.stats import spearmanr

from cellprune.report.drawing import drawing, svg
from cellprune.report.formatting import share
from cellprune.report.published import rows as table
from cellprune.report.together.figures import colour
from cellprune.report.together.interval import interval

METHODS = ("random", "magnitude", "snip", "grasp", "synflow", "prospr")  # of table 4, those before training
SPARSITIES = (1 - 0.8**10, 1 - 0.8**18)  # which the table prints as 89.3 % and 98.2 %


def main() -> None:
    """Print both rankings at each sparsity, and draw the layers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="the file of benchmarks/methods.py")
    parser.add_argument("--picture", type=Path, help="the share kept of each layer, as SVG")
    arguments = parser.parse_args()
    rows = load(arguments.kept)
    for sparsity in SPARSITIES:
        print("\n".join(agreement(rows, published(sparsity), sparsity)), end="\n\n")
    if arguments.picture:
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        arguments.picture.write_text(picture(rows), encoding="utf-8")


def published(sparsity: float) -> dict[str, float]:
    """Give the published accuracy in percent of each method, best first."""
    found = {
        row.our_method: row.mean
        for row in table("4")
        if row.our_method in METHODS and float(row.removed_percent) == round(100 * sparsity, 1)
    }
    return dict(sorted(found.items(), key=lambda method: -method[1]))


def agreement(rows: Sequence[dict[str, Any]], theirs: dict[str, float], sparsity: float) -> list[str]:
    """Give a Markdown table of both, and a line on the rank correlation."""
    ours = {method: _of_seeds(rows, method, sparsity) for method in theirs}
    lines = [f"| removed: {share(sparsity)} | published | ours | by seed |", "|---|---|---|---|"]
    for method, accuracy in theirs.items():
        by_seed = ", ".join(f"{100 * value:.1f}" for value in ours[method].values())
        lines.append(f"| {method} | {accuracy:.1f} | {100 * mean(ours[method].values()):.1f} | {by_seed} |")
    seeds = sorted(set.intersection(*(set(found) for found in ours.values())))
    found = [_correlation(theirs, {method: ours[method][seed] for method in theirs}) for seed in seeds]
    means = _correlation(theirs, {method: mean(ours[method].values()) for method in theirs})
    over = interval(found)
    spread = f", 95 % interval over seeds {max(-1, over[0]):+.2f} to {min(1, over[1]):+.2f}" if over else ""
    by_seed = ", ".join(f"{value:+.2f}" for value in found)
    return [
        *lines,
        "",
        f"rank correlation by seed {by_seed}; mean {mean(found):+.2f}{spread}; of the means {means:+.2f}",
    ]


def picture(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the share of each layer's weights that each method keeps, one panel a sparsity."""
    with drawing(height=4.2, columns=len(SPARSITIES), share_y=True) as (figure, panels):
        for axes, sparsity in zip(panels, SPARSITIES, strict=True):
            for number, method in enumerate(METHODS, 1):
                layers = [row["layers"] for row in rows if row["network"] == f"{method} {share(sparsity)}"]
                kept = [mean(run[name] for run in layers) for name in layers[0]]
                axes.plot(range(1, len(kept) + 1), kept, "-o", color=colour(number), markersize=3, label=method)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda kept, _: f"{100 * kept:g} %"))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("layer, from input to output")
            axes.set_title(f"{share(sparsity)} removed")
        panels[0].set_ylabel("share of its weights that stays")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(METHODS))
    return svg(figure)


def _of_seeds(rows: Sequence[dict[str, Any]], method: str, sparsity: float) -> dict[int, float]:
    return {row["seed"]: row["score"] for row in rows if row["network"] == f"{method} {share(sparsity)}"}


def _correlation(theirs: dict[str, float], ours: dict[str, float]) -> float:
    return float(spearmanr(list(theirs.values()), [ours[method] for method in theirs]).statistic)


if __name__ == "__main__":
    main()
