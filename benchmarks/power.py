"""What a confirmation can show, and what it costs: simulated tables of a network that truly loses nothing.

A table has a row a frame and a column a seed; frames, seeds and the rest vary as was assumed before the searches.

    python benchmarks/power.py                                   under a minute
    python benchmarks/power.py --spreads 0.004 0.003 0.005       standard deviations of frames, seeds, rest
"""

import argparse

import numpy as np

from cellprune.search.confirm import STEPS_BELOW
from cellprune.search.decide import FEWEST_SEEDS, decide

SPREADS = (0.008, 0.007, 0.008)  # standard deviations between frames, between seeds, and of the rest
PARTS = {
    "5 held out": (5, 1),
    "10 held out": (10, 1),
    "34 in 2 folds": (34, 2),
    "34 in 5 folds": (34, 5),
}  # frames, and trainings for one network of each seed
MARGINS = (0.0025, 0.005, 0.01, 0.02)
SEEDS = {"5 held out": (3,), "10 held out": (3,), "34 in 2 folds": (5, 10, 15, 30)}
ALPHA, ASKED, N_TABLES, MOST_SEEDS = 0.05, 0.8, 1000, 200


def power(n_frames: int, n_seeds: int, margin: float, spreads: tuple[float, ...], n_tables: int = N_TABLES) -> float:
    """Give the share of simulated tables without a loss that are shown to be not worse."""
    rng = np.random.default_rng([n_frames, n_seeds])
    of_frames, of_seeds, of_rest = spreads
    tables = (
        of_frames * rng.standard_normal((n_tables, n_frames, 1))
        + of_seeds * rng.standard_normal((n_tables, 1, n_seeds))
        + of_rest * rng.standard_normal((n_tables, n_frames, n_seeds))
    )
    return float(np.mean([decide(table, margin=margin, alpha=ALPHA).verdict == "not worse" for table in tables]))


def fewest_seeds(n_frames: int, margin: float, spreads: tuple[float, ...]) -> int | None:
    """Give the fewest seeds with which no loss is shown in 4 of 5 cases; None where frames are what is missing."""
    low, high = FEWEST_SEEDS - 1, MOST_SEEDS
    if power(n_frames, high, margin, spreads) < ASKED:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(n_frames, middle, margin, spreads) >= ASKED else (middle, high)
    return high


def trainings(n_seeds: int, folds: int) -> int:
    """Count what a confirmation trains at most: in every fold the unpruned network and as many ratios as are tested."""
    return n_seeds * folds * (2 + STEPS_BELOW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spreads", nargs=3, type=float, default=SPREADS, metavar=("FRAMES", "SEEDS", "REST"))
    spreads = tuple(parser.parse_args().spreads)
    print(f"| frames | `--confirm-seeds` | trainings of the confirmation | {' | '.join(map(str, MARGINS[:3]))} |")
    print(f"|---|---|---|{'---|' * len(MARGINS[:3])}")
    for part, seeds_asked in SEEDS.items():
        n_frames, folds = PARTS[part]
        for n_seeds in seeds_asked:
            shown = " | ".join(f"{power(n_frames, n_seeds, margin, spreads):.2f}" for margin in MARGINS[:3])
            print(f"| {part} | {n_seeds} | {trainings(n_seeds, folds)} | {shown} |", flush=True)
    print("\n| frames | margin | fewest `--confirm-seeds` | trainings of the confirmation |")
    print("|---|---|---|---|")
    for part, (n_frames, folds) in PARTS.items():
        for margin in MARGINS:
            seeds = fewest_seeds(n_frames, margin, spreads)
            cost = "more frames, not more seeds | – " if seeds is None else f"{seeds} | {trainings(seeds, folds)}"
            print(f"| {part} | {margin:g} | {cost} |", flush=True)


if __name__ == "__main__":
    main()
