"""The tables and figures of docs/results.md and of two records behind it, made of docs/measurements.

A table stands between two comments that name it, and is replaced there; the sentences around it are written by hand.

    python benchmarks/results.py
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean

import cells
import evidence
from evidence import PICTURED, Arm, Run, by_arm, load, with_interval

from cellprune.evaluation.decide import FEWEST_SEEDS, Decision, decide
from cellprune.report.drawing import BLUE, INK, PALE, drawing, svg

DOCS = Path(__file__).parent.parent / "docs"
MEASUREMENTS, PICTURES = DOCS / "measurements", DOCS / "pictures"
SETS = {"PhC-C2DH-U373": "U373", "DIC-C2DH-HeLa": "HeLa"}
CRITERIA = ("prospr", "snip", "magnitude")
WIDTHS = (32, 16, 8)  # of the dense networks that a lab may train
A_TENTH = 0.1
ALPHA = 0.025  # on each side


def main() -> None:
    """Write the tables into their pages, and the figure beside them."""
    for name, tables in PAGES.items():
        page = DOCS / name
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables()), encoding="utf-8")
    (PICTURES / "criterion.svg").write_text(picture(measured()), encoding="utf-8")
    for dataset, runs in of_sets():
        (PICTURES / f"milliseconds-{SETS[dataset].lower()}-sequence.svg").write_text(evidence.picture(runs), "utf-8")


def measured() -> Mapping[Arm, Sequence[Run]]:
    """Give the runs that are kept."""
    return by_arm(load(MEASUREMENTS / "evidence.json"))


def with_tables(text: str, tables: Mapping[str, Iterable[str]]) -> str:
    """Give a page with its tables as the measurements make them."""
    for name, lines in tables.items():
        text = put(text, name, "\n".join(lines))
    return text


def put(text: str, name: str, table: str) -> str:
    """Replace the table of this name."""
    begin, end = f"<!-- table: {name} -->\n", "<!-- end of table -->"
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(place.findall(text)) != 1:
        raise SystemExit(f"a page has no place for the table {name}: write {begin!r} and {end!r}")
    return place.sub(lambda _: f"{begin}{table}\n{end}", text)


def answers() -> dict[str, Iterable[str]]:
    """Give the tables of the page of results: one per question."""
    arms = measured()
    return {"cost": cost(arms), "criterion": criterion(arms), "choice": choice(arms), "published": published()}


def by_target() -> dict[str, Iterable[str]]:
    """Give the tables of cells by target and decoder."""
    runs = cells.load(MEASUREMENTS / "cells.json")
    return {
        "training part": cells.of_frames(runs, "01", set_apart=True),
        "01 to 02": cells.of_frames(runs, "02", set_apart=False),
        "01 to 02, whole sequence": cells.of_sequence(runs, "02"),
        "02 to 01": cells.of_frames(runs, "01", set_apart=False),
        "02 to 01, whole sequence": cells.of_sequence(runs, "01"),
    }


def over_milliseconds() -> dict[str, Iterable[str]]:
    """Give the tables of scores over milliseconds."""
    tables: dict[str, Iterable[str]] = {}
    for dataset, runs in of_sets():
        tables[f"{SETS[dataset]}, networks"] = evidence.table(runs)
        tables |= {f"{SETS[dataset]}, {score.upper()}": evidence.differences(runs, score) for score in evidence.SCORES}
    return tables


def of_sets() -> Iterator[tuple[str, list[Run]]]:
    """Give the runs of each set, those that hold out a sequence."""
    kept = load(MEASUREMENTS / "evidence.json")
    for dataset in SETS:
        yield dataset, [run for run in kept if (run.arm.dataset, run.arm.split) == (dataset, "sequence")]


def cost(arms: Mapping[Arm, Sequence[Run]]) -> Iterator[str]:
    """Dense networks and a pruned one: what cells and pixels it costs."""
    yield "| set | network | seeds | multiply-adds | SEG | merged | IoU | commit |"
    yield "|---|---|---|---|---|---|---|---|"
    for dataset in SETS:
        for family, amount in (("dense", 32.0), ("dense", 16.0), ("prospr", A_TENTH), ("random", A_TENTH)):
            if same := arms.get(Arm(dataset, "sequence", family, amount)):
                yield row(SETS[dataset], same, scores("seg", "merged_share", "iou")(same))


def criterion(arms: Mapping[Arm, Sequence[Run]]) -> Iterator[str]:
    """What choosing channels by a criterion gains over random ones, on the same images and seeds."""
    gaps = " | ".join(f"{score} minus random | 95 % interval" for score in ("SEG", "IoU"))
    yield f"| set | multiply-adds kept | channels chosen by | seeds | {gaps} |"
    yield "|---|---|---|---|---|---|---|---|"
    for dataset, kept, name, n_seeds, of in differences(arms):
        cells = [
            f"{of[score].mean:+.4f} | {of[score].lower:+.4f} to {of[score].upper:+.4f}" for score in ("seg", "iou")
        ]
        yield f"| {SETS[dataset]} | {100 * kept:g} % | {name} | {n_seeds} | {' | '.join(cells)} |"


def choice(arms: Mapping[Arm, Sequence[Run]]) -> Iterator[str]:
    """What a lab may train, the fastest last."""
    yield "| set | network | seeds | multiply-adds | ms, ONNX Runtime | SEG | AP at 0.5 | IoU | commit |"
    yield "|---|---|---|---|---|---|---|---|---|"
    small = [("dense", float(width)) for width in WIDTHS] + [(name, A_TENTH) for name in ("narrow", "flat", "random")]
    for dataset in SETS:
        own = [same for key in small if (same := arms.get(Arm(dataset, "sequence", *key)))]
        for same in sorted(own, key=milliseconds, reverse=True):
            yield row(SETS[dataset], same, [f"{milliseconds(same):.0f}", *scores("seg", "ap_50", "iou")(same)])


def published() -> Iterator[str]:
    """The paper's claim beside ours, as it was measured here: one seed."""
    yield "| set | removed | published: ProsPr minus unpruned | here | here, masks shuffled within layers | commits |"
    yield "|---|---|---|---|---|---|"
    claims = (("U373", "u373.json", "97\u00a0%", 0.9369 - 0.9371), ("HeLa", "hela.json", "90\u00a0%", 0.7491 - 0.7514))
    for name, file, removed, claimed in claims:
        rows = {one["network"]: one for one in json.loads((MEASUREMENTS / file).read_text(encoding="utf-8"))}
        whole, *ours = (rows[network] for network in ("unpruned", f"prospr {removed}", f"prospr shuffle {removed}"))
        gaps = " | ".join(f"{one['score'] - whole['score']:+.4f}" for one in ours)
        commits = " ".join(sorted({one["commit"] for one in (whole, *ours)}))
        yield f"| {name} | {removed} | {claimed:+.4f} | {gaps} | {commits} |"


def row(of: str, same: Sequence[Run], cells: Sequence[str]) -> str:
    """Give a row of the networks that are alike but for the seed."""
    commits = " ".join(sorted({run.commit for run in same}))
    macs = f"{mean(run.macs for run in same) / 1e9:.2f} G"
    return f"| {of} | {same[0].arm.name} | {len(same)} | {macs} | {' | '.join(cells)} | {commits} |"


def scores(*names: str):
    """Give what tells these scores of some seeds, each with half of its interval."""
    return lambda same: [with_interval([run.summary[name] for run in same]) for name in names]


def milliseconds(same: Sequence[Run]) -> float:
    """Give the time of the first seed's network, which alone was measured; 0 where none was."""
    return next((run.milliseconds[PICTURED] for run in same if PICTURED in run.milliseconds), 0.0)


def differences(arms: Mapping[Arm, Sequence[Run]]) -> Iterator[tuple[str, float, str, int, dict[str, Decision]]]:
    """Give set, share kept, criterion, seeds, and the differences from random channels that have an interval."""
    shares = sorted({arm.amount for arm in arms if arm.family == "random"}, reverse=True)
    for dataset, share, name in product(SETS, shares, CRITERIA):
        random = {run.seed: run for run in arms.get(Arm(dataset, "sequence", "random", share), ())}
        own = [run for run in arms.get(Arm(dataset, "sequence", name, share), ()) if run.seed in random]
        if len(own) >= FEWEST_SEEDS:
            of = {score: gap([(getattr(run, score), getattr(random[run.seed], score)) for run in own])
                  for score in ("seg", "iou")}  # fmt: skip
            yield dataset, share, name, len(own), of


def gap(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Decision:
    """Decide about the images of two networks, seed by seed."""
    images = sorted(set.intersection(*(ours.keys() & theirs.keys() for ours, theirs in pairs)))
    return decide([[ours[at] - theirs[at] for ours, theirs in pairs] for at in images], margin=0.0, alpha=ALPHA)


def picture(arms: Mapping[Arm, Sequence[Run]]) -> str:
    """Draw the differences from random channels with their intervals."""
    drawn = list(differences(arms))
    with drawing(height=0.5 + 0.32 * len(drawn), columns=2, share_y=True) as (figure, panels):
        for axes, score in zip(panels, ("seg", "iou"), strict=True):
            axes.axvline(0, color=INK, linewidth=1)
            for at, (*_, of) in enumerate(drawn):
                axes.plot([of[score].lower, of[score].upper], [at, at], color=PALE, linewidth=5, solid_capstyle="butt")
                axes.plot([of[score].mean], [at], "o", color=BLUE, markersize=6)
            axes.set_yticks(
                range(len(drawn)), [f"{SETS[of]}, {100 * kept:g} %, {name}" for of, kept, name, *_ in drawn]
            )
            axes.set_title(f"{score.upper() if score == 'seg' else 'IoU'}, minus random channels")
        panels[0].invert_yaxis()
    return svg(figure)


PAGES = {"results.md": answers, "results/cells.md": by_target, "results/milliseconds.md": over_milliseconds}

if __name__ == "__main__":
    main()
