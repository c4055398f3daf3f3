"""What it costs to choose the masks: every method before training, in units of one plain training step.

Each method runs in a process of its own, on one thread: the process's CPU time for `prune`, over that of one step of
training (forward, backward, SGD) on the same batch; and the memory that came with it, over what came with the step.
The steps are timed in each process anew, so that a busy neighbour slows both alike.

    python benchmarks/scoring.py --quick               small networks, some minutes
    python benchmarks/scoring.py                       ResNet-18 and VGG-19 at batch 128, U-Net at width 64: hours
    python benchmarks/scoring.py --method synflow      one method alone (may be given several times)
    python benchmarks/scoring.py --network vgg16       one network alone
    python benchmarks/scoring.py --rounds 6            so many rounds of the methods in rounds; all cost alike
    python benchmarks/scoring.py --json out.json       the same table for programs
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from typing import Any

import cases
import fresh_process

from cellprune.config import names

CASES = {"resnet18": (128, 32), "vgg19": (128, 32), "unet64": (2, 256)}  # network: batch, px of a side
QUICK = {"resnet20": (64, 32), "unet16": (2, 128)}
KNOWN = CASES | QUICK | {"vgg16": (128, 32)}
SPARSITY = 0.9
STEPS = 3  # the fastest of so many counts as one


def main() -> None:
    """Measure every method in a fresh process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks")
    parser.add_argument("--network", action="append", choices=KNOWN, help="this network alone")
    parser.add_argument("--rounds", type=int, help="of methods in rounds")
    parser.add_argument("--method", action="append", choices=sorted(names.methods("before")), help="this method alone")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON, too")
    arguments = parser.parse_args()
    rows = []
    print(f"{'network':20} {'method':>22} {'CPU s':>8} {'steps':>8} {'extra MiB':>10} {'memory':>7}")
    networks = arguments.network or (QUICK if arguments.quick else CASES)
    for row in compare(networks, arguments.method or names.methods("before"), arguments.rounds):
        rows.append(row)
        print(f"{row['network']:20} {row['method']:>22} {row['cpu_s']:8.2f} {row['steps']:8.2f} "
              f"{row['extra_mib']:10.0f} {row['memory']:7.2f}", flush=True)  # fmt: skip
    print("steps: CPU time over that of one training step; memory: extra over that of one training step")
    if arguments.json:
        fresh_process.write(arguments.json, sparsity=SPARSITY, rows=rows)


def compare(networks: Iterable[str], methods: Iterable[str], rounds: int | None) -> Iterator[dict[str, Any]]:
    """Yield one row a network and method; prospr both ways."""
    for network in networks:
        batch, size_px = KNOWN[network]
        case = {"network": network, "batch": batch, "size_px": size_px}
        of_step = fresh_process.run(measure, **case, method=None)["extra_mib"]
        for method in methods:
            ways: tuple[dict[str, Any], ...] = ({"order": "full"}, {"order": "first"}) if method == "prospr" else ({},)
            if rounds and names.method(method).rounds:
                ways = ({"rounds": rounds},)
            for options in ways:
                row = fresh_process.run(measure, **case, method=method, **options)
                label = " ".join([method, *(f"{value}" for value in options.values())])
                memory = row["extra_mib"] / max(of_step, 1.0)
                yield row | {"network": f"{network} batch {batch}", "method": label, "memory": memory}


def measure(network: str, batch: int, size_px: int, method: str | None, **options: Any) -> dict[str, Any]:
    """Choose masks once in this process: CPU seconds, the same in training steps, and MiB that came with it.

    Of no method, give the MiB of a training step.
    """
    import psutil
    import torch

    import cellprune

    torch.manual_seed(0)
    model, batches = cases.network(network), cases.batches(network, batch, size_px)
    loss, data = torch.nn.functional.cross_entropy, next(batches)
    with torch.no_grad():
        loss(model(data[0]), data[1])  # the kernels' own workspace is no part of the comparison
    before = psutil.Process().memory_info().rss / 2**20
    if method is None:
        _step_s(model, loss, data)
        return {"extra_mib": fresh_process.peak_mib() - before}
    began = time.process_time()
    cellprune.prune(model, method=method, sparsity=SPARSITY, batches=batches, loss=loss, **options)
    seconds, extra = time.process_time() - began, fresh_process.peak_mib() - before
    return {"cpu_s": seconds, "steps": seconds / _step_s(model, loss, data), "extra_mib": extra}


def _step_s(model: Any, loss: Any, data: Any) -> float:
    """Train for some steps and give the CPU seconds of the fastest."""
    import torch

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    seconds = []
    for _ in range(STEPS):
        began = time.process_time()
        optimizer.zero_grad()
        loss(model(data[0]), data[1]).backward()
        optimizer.step()
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main()
