"""What a confirmation can show, and what it costs: simulated tables of a network that truly loses nothing.

A table has a row a frame and a column a seed; frames, seeds and the rest vary as they did on the two recordings.

    python benchmarks/power.py                                   half a minute
    python benchmarks/power.py --spreads 0.004 0.003 0.005       standard deviations of frames, seeds, rest
"""

import argparse

import numpy as np

from cellprune.search.confirm import STEPS_BELOW
from cellprune.search.decide import FEWEST_SEEDS, decide

SPREADS = (0.008, 0.007, 0.008)  # standard deviations between frames, between seeds, and of the rest
PARTS = {
    "10 held out": (10, 1),
    "34 in 2 folds": (34, 2),
    "34 in 5 folds": (34, 5),
}  # frames, and trainings for one network of each seed
MARGINS = (0.0025, 0.005, 0.01, 0.02)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spreads", nargs=3, type=float, default=SPREADS, metavar=("FRAMES", "SEEDS", "REST"))
    spreads = tuple(parser.parse_args().spreads)
    print("| frames | margin | fewest `--confirm-seeds` | trainings of the confirmation |")
    print("|---|---|---|---|")
    for part, (n_frames, folds) in PARTS.items():
        for margin in MARGINS:
            seeds = fewest_seeds(n_frames, margin, spreads)
            cost = (
                "more frames, not more seeds | – "
                if seeds is None
                else f"{seeds} | {seeds * folds * (2 + STEPS_BELOW)}"
            )
            print(f"| {part} | {margin:g} | {cost} |", flush=True)


if __name__ == "__main__":
    main()
