"""What networks that lost channels cost beside dense ones: ratios of one thread's CPU time, all of them in turn.

A step is forward, loss, backward and optimizer on images in memory, so it is the network's time alone; a pass is one
image through an engine. Pruned networks are chosen by ProsPr on noise, since only their shapes matter here. What was
asked stands beside each ratio.

    python benchmarks/shrunk.py steps      U-Nets of 256 x 256 at a tenth of the multiply-adds, some ten minutes
    python benchmarks/shrunk.py passes     the same networks in each engine that is installed, some minutes
    python benchmarks/shrunk.py images     ResNet-18 and VGG-19 of 32 x 32, as in the paper's table 7, some ten minutes
    python benchmarks/shrunk.py steps --json out.json
"""

import argparse
import os

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import fresh_process
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.names import resolve
from cellprune.controls.small import instead
from cellprune.export.onnx import to_onnx
from cellprune.models.architecture import Architecture
from cellprune.pruning.prune import prune
from cellprune.structure.in_turn import in_turn
from cellprune.structure.shrink import shrink
from cellprune.training.precision import bf16_is_slow

KEPT = 0.1  # of the multiply-adds
ASKED_OF_STEPS = {(32, "fp32"): 0.18, (64, "fp32"): 0.16, (32, "bf16"): 0.32, (64, "bf16"): 0.18}
ASKED_OF_PASSES = 0.17
PUBLISHED = {"resnet18": {0.8: 0.72, 0.9: 0.65, 0.95: 0.56}, "vgg19": {0.8: 0.91, 0.9: 0.79, 0.95: 0.77}}  # table 7
HEADER = {"architecture": {"name": "unet", "in_channels": 1, "classes": 2}, "classes": ["background", "cell"],
          "zoom": [1.0, 1.0], "network_size_px": [256, 256]}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "passes", "images"])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64], help="of the dense U-Net (default 32 64)")
    parser.add_argument("--calls", type=int, default=8, help="of each network that count (default 8)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers as JSON, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'network':34}{'ms':>9}{'of dense':>10}{'asked':>8}", flush=True)
    rows = {"steps": steps, "passes": passes, "images": images}[arguments.what](arguments.widths, arguments.calls)
    if arguments.json:
        fresh_process.write(arguments.json, what=arguments.what, rows=rows)


def steps(widths: list[int], calls: int) -> list[dict[str, object]]:
    """Time training steps of U-Nets, in fp32 and, where the processor has it, in bf16."""
    inputs, target = torch.randn(1, 1, 256, 256), torch.randint(2, (1, 256, 256))
    rows: list[dict[str, object]] = []
    for width in widths:
        networks = smaller_unets(width)
        for precision in ("fp32", *(() if bf16_is_slow(torch.device("cpu")) else ("bf16",))):
            timed = {name: step(network, inputs, target, precision) for name, network in networks.items()}
            asked = ASKED_OF_STEPS.get((width, precision))
            rows += told(
                f"width {width}, {precision}", in_turn(timed, threads=1, passes=calls, least_s=0).milliseconds, asked
            )
    return rows


def passes(widths: list[int], calls: int) -> list[dict[str, object]]:
    """Time one image through each engine, in float32 (OpenVINO: also in bf16)."""
    rows: list[dict[str, object]] = []
    image = np.random.default_rng(0).random((1, 1, 256, 256), np.float32)
    for width in widths:
        networks = smaller_unets(width)
        with tempfile.TemporaryDirectory() as folder:
            for engine, precision in [("torch", "fp32"), ("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")]:
                if engine == "openvino" and not find_spec("openvino"):
                    continue
                timed = {
                    name: passing(network, Path(folder) / f"{name}.onnx", engine, precision, image)
                    for name, network in networks.items()
                }
                rows += told(
                    f"width {width}, {engine} {precision}",
                    in_turn(timed, threads=1, passes=calls, least_s=0).milliseconds,
                    ASKED_OF_PASSES,
                )
    return rows


def images(_: list[int], calls: int) -> list[dict[str, object]]:
    """Time training steps of classifying networks that keep a share of their channels; batches of 64."""
    inputs, target = torch.randn(64, 3, 32, 32), torch.randint(100, (64,))
    rows: list[dict[str, object]] = []
    for name, published in PUBLISHED.items():
        dense = drawn(Architecture.read({"name": name, "in_channels": 3, "classes": 100}))
        networks = {"dense": dense} | {
            f"{removed:.0%} of the channels removed": smaller(dense, inputs[:8], target[:8], sparsity=removed)
            for removed in published
        }
        timed = {label: step(network, inputs, target, "fp32") for label, network in networks.items()}
        rows += told(
            name,
            in_turn(timed, threads=1, passes=calls, least_s=0).milliseconds,
            dict(zip(list(networks)[1:], published.values(), strict=True)),
        )
    return rows


def smaller_unets(width: int) -> dict[str, nn.Module]:
    """Give the dense U-Net, and what a tenth of its multiply-adds buys: chosen channels, a narrow and a flat one."""
    architecture = Architecture.read({"name": "unet", "width": width, "depth": 4, "in_channels": 1, "classes": 2})
    dense, budget = drawn(architecture), {"macs": KEPT}
    inputs, target = torch.randn(2, 1, 256, 256), torch.randint(2, (2, 256, 256))
    networks = {"dense": dense}
    for round_to, label in (("auto", "ProsPr, blocks of 16"), (1, "ProsPr, single channels")):
        networks[label] = smaller(dense, inputs, target, budget=budget, round_to=round_to)
    masks = prune(dense, method="random", budget=budget, granularity="channel", batches=[(inputs, target)],
                  loss=F.cross_entropy)  # fmt: skip
    for control in ("narrow-macs", "flat-macs"):
        widths = instead(control, architecture, masks, (1, 256, 256), "auto").widths
        networks[f"{control.partition('-')[0]} {'-'.join(map(str, widths))}"] = drawn(architecture.with_widths(widths))
    return networks


def drawn(architecture: Architecture) -> nn.Module:
    """Build a network from seed 0."""
    torch.manual_seed(0)
    return architecture.build()


def smaller(dense: nn.Module, inputs: Tensor, target: Tensor, **asked: object) -> nn.Module:
    """Take out the channels that ProsPr removes."""
    masks = prune(dense, method="prospr", granularity="channel", batches=[(inputs, target)], loss=F.cross_entropy,
                  **asked)  # type: ignore[arg-type]  # fmt: skip
    return shrink(dense, masks, inputs)


def step(network: nn.Module, inputs: Tensor, target: Tensor, precision: str) -> Callable[[], object]:
    """Give a training step, channels-last."""
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    inputs = inputs.to(memory_format=torch.channels_last)

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(network(inputs).float(), target)
        loss.backward()
        optimizer.step()

    return once


def passing(network: nn.Module, path: Path, engine: str, precision: str, image: np.ndarray) -> Callable[[], object]:
    """Give one image's way through an engine."""
    if engine == "torch":
        from cellprune.engines.torch import engine as torch_engine

        run = torch_engine(network.eval(), device="cpu")
    else:
        path.write_bytes(to_onnx(network.eval(), HEADER, path.name))
        run = resolve("engine", engine)(path, precision=precision)
    return lambda: run(image)


def told(
    title: str, milliseconds: Mapping[str, float], asked: float | Mapping[str, float] | None
) -> list[dict[str, object]]:
    """Print the rows of one comparison, and give them."""
    print(title)
    rows: list[dict[str, object]] = []
    for name, ms in milliseconds.items():
        ratio = ms / milliseconds["dense"]
        limit = asked.get(name) if isinstance(asked, Mapping) else None if name == "dense" else asked
        print(f"  {name:32}{ms:9.1f}{ratio:10.3f}{'' if limit is None else f'{limit:8.2f}'}", flush=True)
        rows.append({"case": title, "network": name, "ms": ms, "of_dense": ratio, "asked": limit})
    return rows


if __name__ == "__main__":
    main()
