"""The exact meta-gradient in segments against the fully unrolled graph: time and memory, as ratios.

Each case runs in a process of its own, so that its peak memory is its own: the process's CPU time for the gradient, the
most memory it ever held, and how much of that came with the gradient. The unrolled graph is written down here once
more in plain autograd, so the comparison is with what anybody would write.

    python benchmarks/metagradient.py                  all cases, about a quarter of an hour
    python benchmarks/metagradient.py --quick          the case that a test guards
    python benchmarks/metagradient.py --json out.json  the same table for programs
"""

import argparse
import time
from itertools import islice
from typing import Any

import cases
import fresh_process

CASES = (("resnet20", 128, 32), ("unet32", 2, 128), ("unet32", 8, 128))  # network, batch, px of a side
QUICK = (("unet16", 4, 128),)
LR = 0.01


def main() -> None:
    """Measure every case in a fresh process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="M = 3 on a small case")
    parser.add_argument("--repeats", type=int, default=1, help="processes a case; the fastest counts (default 1)")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON, too")
    arguments = parser.parse_args()
    rows = []
    print(f"{'network':20} {'M':>4} {'way':>12} {'CPU s':>8} {'time':>6} {'extra MiB':>10} {'extra':>6} "
          f"{'peak MiB':>9} {'peak':>6}")  # fmt: skip
    for row in compare(arguments.quick, arguments.repeats):
        rows.append(row)
        print(f"{row['network']:20} {row['steps']:4d} {row['way']:>12} {row['cpu_s']:8.2f} {_ratio(row['time'])} "
              f"{row['extra_mib']:10.0f} {_ratio(row['extra'])} {row['peak_mib']:9.0f} {_ratio(row['peak'])}",
              flush=True)  # fmt: skip
    print("time, extra: over the unrolled graph with the same M; peak: over the same way with M = 1")
    if arguments.json:
        fresh_process.write(arguments.json, rows=rows)


def compare(quick: bool, repeats: int) -> Any:
    """Yield one row a network, M and way; ratios are None where nothing stands to compare with."""
    for network, batch, size_px in QUICK if quick else CASES:
        first: dict[str, dict[str, Any]] = {}
        # a hundred steps on the largest case would take as long as all the rest together, and teach nothing new
        for steps in (3,) if quick else (1, 3, 5, 10) if (network, batch) == ("unet32", 8) else (1, 3, 5, 10, 100):
            ways = ("unrolled", "one segment", "segments") if steps <= 3 and not quick else ("unrolled", "segments")
            if steps == 100:
                ways = ("segments",)
            unrolled = None
            for way in ways:
                case = {"network": network, "batch": batch, "size_px": size_px, "steps": steps, "way": way}
                row = min((fresh_process.run(measure, **case) for _ in range(repeats)), key=lambda row: row["cpu_s"])
                if steps == 1:
                    first[way] = row
                unrolled = row if way == "unrolled" else unrolled
                yield row | {
                    "network": f"{network} batch {batch}",
                    "steps": steps,
                    "way": way,
                    "time": unrolled and row["cpu_s"] / unrolled["cpu_s"],
                    "extra": unrolled and row["extra_mib"] / unrolled["extra_mib"],
                    "peak": row["peak_mib"] / first[way]["peak_mib"] if way in first else None,
                }


def measure(network: str, batch: int, size_px: int, steps: int, way: str) -> dict[str, float]:
    """Take one meta-gradient in this process and give its CPU seconds, extra and peak memory in MiB."""
    import psutil
    import torch

    from cellprune.pruning.derivatives.conditions import untouched
    from cellprune.pruning.derivatives.metagradient import InnerTraining, meta_gradient
    from cellprune.pruning.derivatives.objective import Objective

    torch.manual_seed(0)
    model = cases.network(network)
    batches = list(islice(cases.batches(network, batch, size_px), min(steps, 10) + 1))
    # many steps go round the same ten batches: batches are the caller's memory, not the gradient's
    objective = Objective(
        model, [batches[k % len(batches)] for k in range(steps + 1)], torch.nn.functional.cross_entropy, seed=0
    )
    with untouched(model):
        objective.at(0, objective.start({}))  # the kernels' own workspace is no part of the comparison
        before, began = psutil.Process().memory_info().rss / 2**20, time.process_time()
        if way == "unrolled":
            unrolled(objective, steps)
        else:
            segment = 1 if way == "segments" else steps
            meta_gradient(objective, {}, InnerTraining(steps, LR), segment=segment)
    seconds, peak = time.process_time() - began, fresh_process.peak_mib()
    return {"cpu_s": seconds, "peak_mib": peak, "extra_mib": peak - before}


def unrolled(objective: Any, steps: int) -> Any:
    """Differentiate through the written-out loop, its whole graph kept."""
    import torch

    start = theta = [p.requires_grad_() for p in objective.start({})]
    for k in range(steps):
        gradient = torch.autograd.grad(objective.at(k, theta), theta, create_graph=True)
        theta = [t - LR * g for t, g in zip(theta, gradient, strict=True)]
    return torch.autograd.grad(objective.at(steps, theta), start)


def _ratio(value: float | None) -> str:
    return f"{value:6.2f}" if value is not None else f"{'':6}"


if __name__ == "__main__":
    main()
