"""Slow, plain versions of what the pruning room computes, and the small networks that it is tested on."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

Batch = tuple[Tensor, Tensor]


class EveryKind(nn.Module):
    """A network with a bit of everything: two norms, a skip, a transposed and a shared convolution, an unused layer."""

    def __init__(self, norm: str = "batch", dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm == "batch" else nn.GroupNorm(2, 4)
        self.down = nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.twice = nn.Conv2d(4, 4, 1, bias=False)
        self.group_norm = nn.GroupNorm(2, 4)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.unused = nn.Linear(3, 3)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.silu(self.norm(self.stem(x)))
        x = F.silu(self.group_norm(self.twice(self.twice(self.down(skip)))))
        x = torch.cat([skip, self.up(x)], dim=1)
        return self.head(self.dropout(x.mean(dim=(2, 3))))


def freeze(norm: nn.Module) -> None:
    """Put a batch norm into eval mode, with statistics that are not those of the batches."""
    norm.eval()
    norm.running_mean.uniform_(-2, 2)
    norm.running_var.uniform_(0.1, 9)


def batches(n: int, size: int = 4, dtype: torch.dtype = torch.float64) -> list[Batch]:
    """Give n batches for `EveryKind`, from a fixed seed."""
    generator = torch.Generator().manual_seed(5)
    return [
        (
            torch.randn(size, 2, 6, 6, generator=generator, dtype=dtype),
            torch.randint(0, 3, (size,), generator=generator),
        )
        for _ in range(n)
    ]


def loss_at(model: nn.Module, parameters: Sequence[Tensor], batch: Batch) -> Tensor:
    """Give the cross-entropy of a batch with other parameters and untouched buffers."""
    values = dict(zip(dict(model.named_parameters()), parameters, strict=True))
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    return F.cross_entropy(functional_call(model, values | buffers, (batch[0],)), batch[1])


def after_training(
    model: nn.Module, start: Sequence[Tensor], data: Sequence[Batch], *, lr: float, momentum: float = 0.0,
    quirk: bool = False, first_order: bool = False,
) -> Tensor:  # fmt: skip
    """Give the last batch's loss after one step of SGD on each batch before it, as one unrolled graph."""
    theta, velocity = list(start), [torch.zeros_like(p) for p in start]
    for k, batch in enumerate(data[:-1]):
        gradient = torch.autograd.grad(loss_at(model, theta, batch), theta, create_graph=True, materialize_grads=True)
        if first_order or (quirk and momentum > 0 and k == 0):
            gradient = tuple(g.detach() for g in gradient)
        velocity = [momentum * v + g for v, g in zip(velocity, gradient, strict=True)]
        theta = [t - lr * v for t, v in zip(theta, velocity, strict=True)]
    return loss_at(model, theta, data[-1])


def unrolled_sensitivity(model: nn.Module, data: Sequence[Batch], **inner: float) -> dict[str, Tensor]:
    """Give weight times meta-gradient by differentiating the whole training at once."""
    start = [p.detach().clone().requires_grad_() for p in model.parameters()]
    gradient = torch.autograd.grad(after_training(model, start, data, **inner), start, materialize_grads=True)
    return {n: p.detach() * g for (n, p), g in zip(model.named_parameters(), gradient, strict=True)}


def exact_mask(scores: dict[str, list[float]], keep: int) -> dict[str, list[bool]]:
    """Keep the largest by sorting (-score, layer, index) in plain Python."""
    entries = [(-s, layer, i, name) for layer, (name, row) in enumerate(scores.items()) for i, s in enumerate(row)]
    kept = {(name, i) for _, _, i, name in sorted(entries)[:keep]}
    return {name: [(name, i) in kept for i in range(len(row))] for name, row in scores.items()}


def pruned_in_rounds(
    model: nn.Module, data: Sequence[Batch], names: Sequence[str], counts: Sequence[int], *, revival: bool
) -> dict[str, list[bool]]:
    """Prune by |weight times gradient|, one batch and one count a round, in plain lists.

    Without revival a removed weight scores -1, below every other; with it, its initial value at the pruned network's
    gradient.
    """
    weights = {name: p.detach() for name, p in model.named_parameters()}
    kept = {name: [True] * weights[name].numel() for name in names}
    for batch, keep in zip(data, counts, strict=True):
        values = [
            (p * torch.tensor(kept[name]).view(p.shape) if name in kept else p).requires_grad_()
            for name, p in weights.items()
        ]
        gradient = torch.autograd.grad(loss_at(model, values, batch), values, materialize_grads=True)
        scores = {}
        for (name, w), g in zip(weights.items(), gradient, strict=True):
            if name in kept:
                entries = zip(w.flatten().tolist(), g.flatten().tolist(), kept[name], strict=True)
                scores[name] = [abs(w * g) if revival or alive else -1.0 for w, g, alive in entries]
        kept = exact_mask(scores, keep)
    return kept


def hessian_times_gradient(
    model: nn.Module, data: Sequence[Batch], names: Sequence[str], *, temperature: float
) -> dict[str, Tensor]:
    """Give weight * (H g) over the named weights alone, the Hessian written out row by row.

    The loss is the mean over all samples of all batches, each batch with batch statistics of its own.
    """
    everything = {name: p.detach() for name, p in model.named_parameters()}
    weights = [everything[name].clone().requires_grad_() for name in names]
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    total = torch.zeros((), dtype=torch.float64)
    for inputs, target in data:
        output = functional_call(model, everything | dict(zip(names, weights, strict=True)) | buffers, (inputs,))
        total = total + F.cross_entropy(output / temperature, target, reduction="sum")
    loss = total / sum(len(target) for _, target in data)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights, create_graph=True,
                                                                  materialize_grads=True)])  # fmt: skip
    rows = [
        torch.cat([h.flatten() for h in torch.autograd.grad(g, weights, retain_graph=True, materialize_grads=True)])
        if g.requires_grad else torch.zeros_like(gradient)
        for g in gradient
    ]  # fmt: skip
    product = (torch.stack(rows) @ gradient.detach()).split([w.numel() for w in weights])
    return {name: w.detach() * h.view(w.shape) for name, w, h in zip(names, weights, product, strict=True)}


def flow(model: EveryKind, values: dict[str, Tensor], size: int) -> Tensor:
    """Give the sum of the outputs of `EveryKind` made linear by hand: absolute weights, ones, no constants."""
    v = {name: value.abs() for name, value in values.items()}

    def scaled(x: Tensor, name: str, eps: float) -> Tensor:
        return x * (v[f"{name}.weight"] / (1 + eps) ** 0.5).view(1, -1, 1, 1)

    x = F.conv2d(torch.ones(1, 2, size, size, dtype=torch.float64), v["stem.weight"], padding=1)
    skip = scaled(x, "norm", model.norm.eps if isinstance(model.norm, nn.BatchNorm2d) else 0.0)
    x = F.conv2d(skip, v["down.weight"], stride=2, padding=1)
    x = F.conv2d(F.conv2d(x, v["twice.weight"]), v["twice.weight"])
    x = F.conv_transpose2d(scaled(x, "group_norm", 0.0), v["up.weight"], stride=2)
    return F.linear(torch.cat([skip, x], dim=1).mean(dim=(2, 3)), v["head.weight"]).sum()


def erk_densities(shapes: dict[str, tuple[int, ...]], keep: int) -> dict[str, float]:
    """Find ERK's densities by bisection on the one scale: each is the smaller of 1 and scale * sides / product."""
    raw = {name: sum(shape) / torch.Size(shape).numel() for name, shape in shapes.items()}
    low, high = 0.0, 1 / min(raw.values())
    for _ in range(200):
        middle = (low + high) / 2
        kept = sum(min(1.0, middle * raw[name]) * torch.Size(shape).numel() for name, shape in shapes.items())
        low, high = (middle, high) if kept < keep else (low, middle)
    return {name: min(1.0, high * raw[name]) for name in shapes}


def path_by_path(masks: Sequence[Tensor], size: int) -> list[Tensor]:
    """Mark the active taps of a chain of 1-D convolutions (padding k // 2) by walking every single path.

    Args:
        masks: one (out, in, k) bool tensor a layer.
        size: length of the input.
    """
    active = [torch.zeros_like(mask) for mask in masks]

    def walk(layer: int, channel: int, position: int, path: list[tuple[int, int, int]]) -> None:
        if layer == len(masks):
            for taps, (o, i, t) in zip(active, path, strict=True):
                taps[o, i, t] = True
            return
        outputs, _, k = masks[layer].shape
        for o, t in product(range(outputs), range(k)):
            target = position - t + k // 2
            if masks[layer][o, channel, t] and 0 <= target < size:
                walk(layer + 1, o, target, [*path, (o, channel, t)])

    for channel, position in product(range(masks[0].shape[1]), range(size)):
        walk(0, channel, position, [])
    return active


def budget_mask(scores, prices, allowed, among, least):
    """One weight at a time: remove the lowest score per cost until the budget holds, then put back what fits."""
    entries = [(name, i) for name, row in scores.items() for i in range(len(row))]
    free = {entry for entry in entries if prices[entry[0]] == 0}
    held = set()
    for name, row in scores.items():
        best = sorted(range(len(row)), key=lambda i, row=row: (-row[i], i) if prices[name] else (0, i))
        held |= {(name, i) for i in best[: -(-len(row) * least.numerator // least.denominator)]}
    kept = [(name, i) for name, i in entries if among is None or among[name][i]]
    worth = {(name, i): scores[name][i] / max(1, prices[name]) for name, i in entries}
    order = sorted(kept, key=lambda entry: -worth[entry])  # stable: ties in the order of layers and indexes
    removed = []
    while sum(prices[name] for name, _ in kept) > allowed:
        gone = next(entry for entry in reversed(order) if entry in kept and entry not in held | free)
        kept.remove(gone)
        removed.append(gone)
    for entry in sorted(removed, key=order.index):
        if sum(prices[name] for name, _ in kept) + prices[entry[0]] <= allowed:
            kept.append(entry)
    return {name: [(name, i) in kept for i in range(len(row))] for name, row in scores.items()}
