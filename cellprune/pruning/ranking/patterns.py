"""Single weights in patterns that hardware can use: N of each M, or whole blocks.

Both run along the inputs of one layer, at one tap of the kernel: N:M lets at most N of M inputs next to each other
stay, as sparse tensor cores need; a block AxB is A outputs by B inputs, which stay or go together. What is left at the
end of an axis is a smaller group: it keeps N at most, or is a smaller block.

In rounds, masks are nested as without a pattern: a block that went stays away. Of M inputs, early rounds let more than
N stay, by the share that the round keeps, so that the weights that compete are scored anew while there are others. Each
round keeps, in the pattern, as many weights as the last one needs, so that the last count is exact.

Source: Mishra et al., 2021 (arXiv:2104.08378), 2:4 sparsity; Gray, Radford, Kingma, 2017, block-sparse weights.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.pattern import Blocks, OfEach
from cellprune.config.request import Scope
from cellprune.pruning.prunable import multiplying
from cellprune.pruning.ranking.budget import layer_quotas, select
from cellprune.structure.layers import is_transposed
from cellprune.structure.matrices import outputs_axis


def input_axes(model: nn.Module, weights: Iterable[str]) -> dict[str, int]:
    """Give weight -> its axis of inputs; that of outputs is the other of the first two."""
    layers = multiplying(model)
    return {name: 0 if is_transposed(layers[name]) or outputs_axis(layers[name]) == 1 else 1 for name in weights}


def best_of_each(
    scores: Mapping[str, Tensor], pattern: OfEach, axes: Mapping[str, int], among: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Mark the N largest scores of each M inputs, of those that may be kept; ties to the earlier.

    Returns:
        Parameter name -> bool tensor of the score's shape.
    """
    marked = {}
    for name, score in scores.items():
        rows = score.masked_fill(~among[name], -torch.inf).movedim(axes[name], -1)
        n_inputs = rows.shape[-1]
        groups = F.pad(rows, (0, -n_inputs % pattern.of), value=-torch.inf).unflatten(-1, (-1, pattern.of))
        order = groups.argsort(dim=-1, descending=True, stable=True)
        best = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order[..., : pattern.keep], True)
        marked[name] = best.flatten(-2)[..., :n_inputs].movedim(-1, axes[name]) & among[name]
    return marked


def of_each_in_rounds(
    scores: Mapping[str, Tensor],
    pattern: OfEach,
    axes: Mapping[str, int],
    among: Mapping[str, Tensor],
    keep: int,
    last: int,
    *,
    scope: Scope = "global",
    always: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Keep the largest scores of a round, so that the last round can keep the pattern within them.

    Args:
        scores: parameter name -> score, larger is kept.
        pattern: of the last round.
        axes: as `input_axes` gives them.
        among: the weights that may be kept.
        keep: weights to keep in this round; where the round's groups hold fewer, all of these.
        last: weights to keep in the last round, exactly.
        scope: as `select` takes it.
        always: as `select` takes it.
    Returns:
        Parameter name -> bool tensor of the score's shape.
    """
    within = best_of_each(scores, pattern, axes, among)
    final = select(scores, min(keep, last), scope, among=within, always=always)
    if keep <= last:
        return final
    sizes = {name: score.numel() for name, score in scores.items()}
    in_group = max(pattern.keep, ceil(Fraction(keep * pattern.of, sum(sizes.values()))))
    wider = best_of_each(scores, OfEach(in_group, pattern.of), axes, among)
    room = {name: int(may.sum()) for name, may in wider.items()}
    quotas = None
    if scope == "layer":
        quotas = {name: min(quota, room[name]) for name, quota in layer_quotas(sizes, keep).items()}
    stays = {name: mask | always[name] if always and name in always else mask for name, mask in final.items()}
    return select(scores, min(keep, sum(room.values())), scope, among=wider, quotas=quotas, always=stays)


def whole_blocks(
    scores: Mapping[str, Tensor], pattern: Blocks, axes: Mapping[str, int], keep: int, among: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Keep the blocks with the largest mean score, as many as hold no more than `keep` weights; ties to the earlier.

    Args:
        among: the weights that may be kept; a block may be kept if all of its weights may.
    Returns:
        Parameter name -> bool tensor of the score's shape.
    """
    numbers, first = {}, 0
    for name, score in scores.items():
        numbers[name] = first + _numbered(score, pattern, axes[name])
        first = int(numbers[name].max()) + 1
    of = torch.cat([number.flatten() for number in numbers.values()])
    flat = torch.cat([score.flatten().double() for score in scores.values()])
    sizes = torch.bincount(of, minlength=first)
    means = torch.zeros(first, dtype=flat.dtype, device=flat.device).index_add_(0, of, flat) / sizes
    order = means.argsort(descending=True, stable=True)
    kept = torch.zeros(first, dtype=torch.bool, device=flat.device)
    lost = torch.cat([~among[name].flatten() for name in scores])
    gone = torch.bincount(of[lost], minlength=first) > 0
    order = order[~gone[order]]
    kept[order[sizes[order].cumsum(0) <= keep]] = True
    return {name: kept[number] for name, number in numbers.items()}


def _numbered(score: Tensor, pattern: Blocks, axis: int) -> Tensor:
    """Give each weight the number of its block: (shape of the score) long, from 0 on."""
    outputs, inputs = (torch.arange(score.shape[a], device=score.device) // n
                       for a, n in ((1 - axis, pattern.outputs), (axis, pattern.inputs)))  # fmt: skip
    pair = outputs[:, None] * (int(inputs.max()) + 1) + inputs
    taps = score[0, 0].numel()
    tap = torch.arange(taps, device=score.device).view(score.shape[2:])
    pair = pair if axis == 1 else pair.T
    return pair.reshape(*score.shape[:2], *[1] * (score.dim() - 2)) * taps + tap
