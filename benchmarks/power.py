"""What a confirmation can show, and what it costs: simulated tables of a network that truly loses nothing.

A table has a row a frame and a column a seed; frames, seeds and the rest vary as was assumed before the searches.

    python benchmarks/power.py                                   some seconds
    python benchmarks/power.py --spreads 0.004 0.003 0.005       standard deviations of frames, seeds, rest
"""

import argparse

from cellprune.search.judge.confirm import STEPS_BELOW
from cellprune.search.judge.power import ASSUMED, Spread, fewest_seeds, power

PARTS = {
    "5 held out": (5, 1),
    "10 held out": (10, 1),
    "34 in 2 folds": (34, 2),
    "34 in 5 folds": (34, 5),
}  # frames, and trainings for one network of each seed
MARGINS = (0.0025, 0.005, 0.01, 0.02)
SEEDS = {"5 held out": (3,), "10 held out": (3, 5), "34 in 2 folds": (5, 10, 15, 30)}
ALPHA = 0.05


def trainings(n_seeds: int, folds: int) -> int:
    """Count what a confirmation trains at most: in every fold the unpruned network and as many ratios as are tested."""
    return n_seeds * folds * (2 + STEPS_BELOW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spreads", nargs=3, type=float, metavar=("FRAMES", "SEEDS", "REST"))
    given = parser.parse_args().spreads
    spread = Spread(*given) if given else ASSUMED["IoU"]
    print(f"| frames | `--confirm-seeds` | trainings of the confirmation | {' | '.join(map(str, MARGINS[:3]))} |")
    print(f"|---|---|---|{'---|' * len(MARGINS[:3])}")
    for part, seeds_asked in SEEDS.items():
        n_frames, folds = PARTS[part]
        for n_seeds in seeds_asked:
            shown = " | ".join(
                f"{power(n_frames, n_seeds, spread, margin=margin, alpha=ALPHA):.2f}" for margin in MARGINS[:3]
            )
            print(f"| {part} | {n_seeds} | {trainings(n_seeds, folds)} | {shown} |", flush=True)
    print("\n| frames | margin | fewest `--confirm-seeds` | trainings of the confirmation |")
    print("|---|---|---|---|")
    for part, (n_frames, folds) in PARTS.items():
        for margin in MARGINS:
            seeds = fewest_seeds(n_frames, spread, margin=margin, alpha=ALPHA)
            cost = "more frames, not more seeds |" if seeds is None else f"{seeds} | {trainings(seeds, folds)}"
            print(f"| {part} | {margin:g} | {cost} |", flush=True)


if __name__ == "__main__":
    main()
