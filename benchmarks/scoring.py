"""What it costs to choose the masks: every method before training, in units of one plain training step.

Each method runs in a process of its own, on one thread: the process's CPU time for `prune`, over that of one step of
training (forward, backward, SGD) on the same batch; and the memory that came with it, over what came with the step.
The steps are timed in each process anew, so that a busy neighbour slows both alike.

    python benchmarks/scoring.py --quick               small networks, some minutes
    python benchmarks/scoring.py                       ResNet-20 at batch 128, U-Net at width 32; about half an hour
    python benchmarks/scoring.py --method synflow      one method alone (may be given several times)
    python benchmarks/scoring.py --json out.json       the same table for programs
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

CASES = {"resnet20 batch 128": ("resnet20", 128, 32), "unet32 batch 2": ("unet32", 2, 128)}
QUICK = {"resnet20 batch 64": ("resnet20", 64, 32), "unet16 batch 2": ("unet16", 2, 128)}
SPARSITY = 0.9
STEPS = 3  # the fastest of so many counts as one


def main() -> None:
    """Measure every method in a fresh process and print the table."""
    from cellprune.config.names import BEFORE_TRAINING

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks")
    parser.add_argument("--method", action="append", choices=sorted(BEFORE_TRAINING), help="this method alone")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON, too")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(**json.loads(arguments.case))))
        return
    rows = []
    print(f"{'network':20} {'method':>22} {'CPU s':>8} {'steps':>8} {'extra MiB':>10} {'memory':>7}")
    for row in compare(arguments.quick, arguments.method or list(BEFORE_TRAINING)):
        rows.append(row)
        print(f"{row['network']:20} {row['method']:>22} {row['cpu_s']:8.2f} {row['steps']:8.2f} "
              f"{row['extra_mib']:10.0f} {row['memory']:7.2f}", flush=True)  # fmt: skip
    print("steps: CPU time over that of one training step; memory: extra over that of one training step")
    if arguments.json:
        import torch

        facts = {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine()}
        with open(arguments.json, "w") as file:
            json.dump({"versions": facts, "sparsity": SPARSITY, "rows": rows}, file, indent=1)


def compare(quick: bool, methods: list[str]) -> Iterator[dict[str, Any]]:
    """Yield one row a network and method; prospr both ways."""
    for name, (network, batch, size) in (QUICK if quick else CASES).items():
        of_step = _fresh_process(network=network, batch=batch, size=size, method="step", options={})["extra_mib"]
        for method in methods:
            for options in ({"order": "full"}, {"order": "first"}) if method == "prospr" else ({},):
                row = _fresh_process(network=network, batch=batch, size=size, method=method, options=options)
                label = f"{method} {options['order']}" if options else method
                yield row | {"network": name, "method": label, "memory": row["extra_mib"] / max(of_step, 1.0)}


def measure(network: str, batch: int, size: int, method: str, options: dict[str, Any]) -> dict[str, float]:
    """Choose masks once in this process: CPU seconds, the same in training steps, and MiB that came with it."""
    import psutil
    import torch

    import cellprune
    from cellprune.models import build, resnet

    torch.set_num_threads(1)
    torch.manual_seed(0)
    if network == "resnet20":
        model: Any = resnet.build()
        shapes, classes = (batch, 3, size, size), (batch,)
    else:
        model = build({"name": "unet", "width": int(network.removeprefix("unet"))})
        shapes, classes = (batch, 1, size, size), (batch, size, size)
    n_classes = 10 if network == "resnet20" else 2
    generator = torch.Generator().manual_seed(0)

    def batches() -> Iterator[Any]:
        while True:
            yield torch.randn(shapes, generator=generator), torch.randint(0, n_classes, classes, generator=generator)

    loss, data = torch.nn.functional.cross_entropy, next(batches())
    with torch.no_grad():
        loss(model(data[0]), data[1])  # the kernels' own workspace is no part of the comparison
    before = psutil.Process().memory_info().rss / 2**20
    if method == "step":
        _step_s(model, loss, data)
        return {"extra_mib": _peak_mib() - before}
    began = time.process_time()
    cellprune.prune(model, method=method, sparsity=SPARSITY, batches=batches(), loss=loss, **options)
    seconds, extra = time.process_time() - began, _peak_mib() - before
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


def _fresh_process(**case: Any) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, os.path.abspath(__file__), "--case", json.dumps(case)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
