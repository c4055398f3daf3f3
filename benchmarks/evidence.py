"""Scores over milliseconds: dense, small dense and pruned networks, for the tables and pictures of docs/results.

The runs are made by `cellprune train`, alike in all but network, method, budget and seed. One file keeps a line a run,
so that later seeds are set beside earlier ones whose folders are gone. The first seed's network of each kind is
measured in every engine, all networks of a set in turn on one thread.

    python benchmarks/evidence.py docs/measurements/evidence.json runs/* --measure
    python benchmarks/results.py
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from cellprune.bench.bench import bench
from cellprune.evaluation.decide import FEWEST_SEEDS, Decision, decide
from cellprune.report.drawing import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, RED, drawing, svg
from cellprune.report.formatting import difference
from cellprune.report.together.comparison import interval
from cellprune.runs.folder import Folder
from cellprune.runs.scores import SegmentationScores

MARGIN, ALPHA = 0.005, 0.05
TENTH = 0.1
PICTURED = "onnx fp32"
COLOURS = {"dense": INK, "flat": ORANGE, "narrow": GREEN, "prospr": BLUE, "snip": PURPLE, "random": RED,
           "magnitude": FAINT}  # fmt: skip
SMALL = ("dense", "flat", "narrow")  # families of dense networks
UNCHOSEN = ("flat", "narrow", "random")  # what a criterion must beat
SCORES = {"iou": "IoU, native size", "seg": "SEG"}


@dataclass(frozen=True)
class Arm:
    """What is alike in several seeds.

    Attributes:
        amount: width of a dense network, else the share of the multiply-adds that may stay.
    """

    dataset: str
    split: str
    family: str
    amount: float

    @property
    def name(self) -> str:
        """Say it in a few words."""
        if self.family == "dense":
            return f"dense, width {self.amount:.0f}"
        return f"{self.family}, {100 * self.amount:g} %"


@dataclass(frozen=True)
class Run:
    """What is kept of a run.

    Attributes:
        iou, seg: image -> its score; the mean Jaccard of its true cells for SEG.
        milliseconds: engine and precision -> of one image; of the arm's first seed only.
    """

    arm: Arm
    seed: int
    macs: int
    parameters: int
    commit: str
    iou: Mapping[str, float]
    seg: Mapping[str, float]
    summary: Mapping[str, float]
    milliseconds: Mapping[str, float] = field(default_factory=dict)


def main() -> None:
    """Take in new runs, and measure networks if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="JSON file with a line a run; new runs are added, known ones renewed")
    parser.add_argument("runs", type=Path, nargs="*", help="folders of finished runs")
    parser.add_argument("--measure", type=Path, nargs="+", default=[], metavar="RUN",
                        help="one run of each network, to be timed; its scores are not taken")  # fmt: skip
    parser.add_argument("--family", help="name of the new runs, where masks were given or widths chosen by hand")
    arguments = parser.parse_args()
    kept = {(run.arm, run.seed): run for run in load(arguments.kept)}
    for path in arguments.runs:
        if Folder(path).finished:
            run = of_folder(path, arguments.family)
            old = kept.get((run.arm, run.seed))
            kept[run.arm, run.seed] = replace(run, milliseconds=old.milliseconds if old else {})
    if arguments.measure:
        kept |= measured(kept, arguments.measure)
    keep(arguments.kept, kept.values())


def load(file: Path) -> list[Run]:
    """Read the runs that were kept."""
    if not file.exists():
        return []
    return [Run(**{**row, "arm": Arm(**row["arm"])}) for row in json.loads(file.read_text(encoding="utf-8"))]


def keep(file: Path, runs: Iterable[Run]) -> None:
    """Write the runs, one a line, so that a change shows which run it was."""
    lines = ",\n".join(json.dumps(asdict(run)) for run in runs)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def of_folder(path: Path, named: str | None = None) -> Run:
    """Give what is kept of a run; one that is named is one of those that spend a tenth of the multiply-adds."""
    folder = Folder(path)
    config, scores, cost = folder.read_config(), folder.read_scores(), folder.read_cost()
    assert isinstance(scores, SegmentationScores)
    assert scores.cells is not None
    data = config["data"]
    return Run(
        arm=Arm(data["dataset"], data["split"], *((named, TENTH) if named else family_of(config))),
        seed=config["seed"],
        macs=cost.macs.masked,
        parameters=cost.parameters.kept,
        commit=(folder.read_provenance().commit or "")[:7],
        iou={image.id: round(float(np.mean([c.intersection / c.union for c in image.classes if c.union])), 6)
             for image in scores.images if image.size == "native"},
        seg={image.id: round(image.count.jaccard / image.count.true, 6) for image in scores.cells.images
             if image.count.true},
        summary={"iou": scores.summary["iou_image_mean"]["native"] or 0.0,
                 **{name: value for name, value in scores.cells.summary.items() if value is not None}},
    )  # fmt: skip


def family_of(config: Mapping[str, Any]) -> tuple[str, float]:
    """Give a run's family, and its amount; see `Arm`."""
    pruning = config["pruning"]
    if pruning["method"] == "dense":
        return "dense", float(config["model"]["width"])
    control = pruning.get("control", "none")
    family = control.removesuffix("-macs") if control != "none" else pruning["method"]
    return family, float(pruning["budget"].partition("=")[2])


def measured(kept: Mapping[tuple[Arm, int], Run], paths: Iterable[Path]) -> dict[tuple[Arm, int], Run]:
    """Measure the networks of a set in turn, and give the set's runs: the first seed of each arm keeps the times."""
    times: dict[Arm, dict[str, float]] = defaultdict(dict)
    arms = {str(path): of_folder(path).arm for path in paths}
    datasets = dict.fromkeys(arm.dataset for arm in arms.values())
    for dataset in datasets:
        found = bench([Path(path) for path, arm in arms.items() if arm.dataset == dataset], n_threads=1)
        for row in found.rows:
            times[arms[row.path]][f"{row.engine} {row.precision}"] = round(row.milliseconds, 2)
    firsts = {arm: min(seed for other, seed in kept if other == arm) for arm, _ in kept}
    return {(arm, seed): replace(run, milliseconds=times[arm] if seed == firsts[arm] else {})
            for (arm, seed), run in kept.items() if arm.dataset in datasets}  # fmt: skip


def by_arm(runs: Iterable[Run]) -> dict[Arm, list[Run]]:
    """Set the seeds of each arm together."""
    arms: dict[Arm, list[Run]] = defaultdict(list)
    for run in runs:
        arms[run.arm].append(run)
    return arms


def table(runs: Sequence[Run]) -> list[str]:
    """Give a Markdown table, the slowest network first: means over seeds with 95 % intervals."""
    engines = [*dict.fromkeys(name for run in runs for name in run.milliseconds)]
    lines = [
        f"| network | seeds | multiply-adds | {' | '.join(f'{name}, ms' for name in engines)} | IoU | SEG | AP 0.5 |",
        "|---" * (len(engines) + 6) + "|",
    ]
    for arm, same in slowest_first(runs):
        first = next((run.milliseconds for run in same if run.milliseconds), {})
        cells = [
            arm.name,
            str(len(same)),
            f"{mean(run.macs for run in same) / 1e9:.2f} G",
            *(f"{first[name]:.0f}" if name in first else "" for name in engines),
            *(with_interval([run.summary[name] for run in same]) for name in ("iou", "seg", "ap_50")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def differences(runs: Sequence[Run], score: str) -> list[str]:
    """Give a Markdown table of networks minus others, with limits: the widest, and those of the same budget.

    A network is not worse, or worse, than another one by the rule of the search, frames by seeds.
    """
    arms = by_arm(runs)
    widest = max((arm for arm in arms if arm.family == "dense"), key=lambda arm: arm.amount)
    title, *_ = SCORES[score].split(",")
    lines = [
        f"| {title} | minus width {widest.amount:.0f} | {' | '.join(f'minus {name}' for name in UNCHOSEN)} |",
        "|---" * (len(UNCHOSEN) + 2) + "|",
    ]
    for arm, same in slowest_first(runs):
        if arm != widest:
            others = [widest, *(replace(arm, family=family) for family in UNCHOSEN)]
            found = [compared(same, arms[other], score) if other in arms and other != arm else None for other in others]
            lines.append(f"| {arm.name} | {' | '.join(with_limits(decision) for decision in found)} |")
    return lines


def slowest_first(runs: Sequence[Run]) -> list[tuple[Arm, list[Run]]]:
    """Set the seeds of each arm together, the arm of the most multiply-adds first."""
    return sorted(by_arm(runs).items(), key=lambda item: -mean(run.macs for run in item[1]))


def with_interval(values: Sequence[float]) -> str:
    """Give the mean, and the half width of its interval."""
    over = interval(values)
    return f"{mean(values):.4f}" + (f" ± {(over[1] - over[0]) / 2:.4f}" if over else "")


def with_limits(decision: Decision | None) -> str:
    """Give the mean difference, its one-sided limits, and the verdict where there is one."""
    if decision is None:
        return ""
    limits = f"{difference(decision.lower)} to {difference(decision.upper)}"
    verdict = "" if decision.verdict == "undecided" else f", {decision.verdict}"
    return f"{difference(decision.mean)} ({limits}){verdict}"


def compared(runs: Sequence[Run], reference: Sequence[Run], score: str) -> Decision | None:
    """Decide from the frames of the seeds that both have; None where these are too few."""
    of_reference = {run.seed: getattr(run, score) for run in reference}
    pairs = [(getattr(run, score), of_reference[run.seed]) for run in runs if run.seed in of_reference]
    if len(pairs) < FEWEST_SEEDS:
        return None
    frames = sorted(pairs[0][0])
    return decide([[a[f] - b[f] for a, b in pairs] for f in frames], margin=MARGIN, alpha=ALPHA)


def picture(runs: Sequence[Run]) -> str:
    """Draw IoU and SEG of one set over milliseconds: the mean of the seeds as a dot, their interval as a bar."""
    arms = by_arm(runs)
    with drawing(height=3.6, columns=len(SCORES)) as (figure, axes):
        for ax, (score, title) in zip(axes, SCORES.items(), strict=True):
            for family, colour in COLOURS.items():
                draw(ax, [same for arm, same in arms.items() if arm.family == family], family, colour, score)
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_locator(NullLocator())
            ax.set_xlabel("milliseconds an image, ONNX Runtime")
            ax.set_title(title)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return svg(figure)


def draw(ax: Axes, arms: Sequence[Sequence[Run]], family: str, colour: str, score: str) -> None:
    """Draw one family."""
    points = []
    for same in arms:
        ms = next((run.milliseconds[PICTURED] for run in same if PICTURED in run.milliseconds), None)
        if ms is not None:
            values = [run.summary[score] for run in same]
            points.append((ms, mean(values), interval(values)))
    points.sort()
    if points:
        x, y, over = zip(*points, strict=True)
        shift = 1.02 ** (list(COLOURS).index(family) - len(COLOURS) / 2)  # networks of equal time stand side by side
        at = [shift * ms for ms in x]
        ax.plot(at, y, color=colour, marker="o" if family in SMALL else "s", markersize=4, label=family)
        for place, between in zip(at, over, strict=True):
            if between:
                ax.plot([place, place], between, color=colour, linewidth=0.8)


if __name__ == "__main__":
    main()
