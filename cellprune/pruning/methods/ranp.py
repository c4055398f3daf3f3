"""RANP: keep the channels whose weights matter most to the first loss, all layers made equal, cheap layers preferred.

The score of a channel is the sum of |weight times gradient| over all that makes it. Layers are scaled to one mean,
because such sums differ by orders of magnitude between layers. Then the scores of a layer are multiplied by
1 + 11 softmax(-t / max t), where t is what the channels of each layer cost and the softmax is over the layers.

Source: Xu, Ajanthan, Vineet, Hartley, 3DV 2020 (arXiv:2010.02488): MPMG-sum, weighted by layers (RANP-f by operations,
    RANP-m by memory), lambda 11 of its first 3-D U-Net; public code zwxu064/RANP, `pruning/pytorch_snip/prune.py`,
    neuron_prune_3dunet.
Note: the code averages over the whole training set, where we read one batch, keeps all that ties with the last score,
    and afterwards removes what nothing reaches; here counts are exact, and each layer keeps a channel. Its cost of a
    layer is that of the layer's own weights; ours is of all that goes with the layer's channels, so of the columns that
    read them, too. Lambda is 15 and 80 in its other experiments. The authors search the largest ratio that leaves each
    layer a channel, without accuracy; `search-max-ratio` looks at accuracy.
"""

from dataclasses import replace

import torch
from torch import Tensor

from cellprune.pruning.methods import snip
from cellprune.pruning.ranking.units import Named, summed_sizes
from cellprune.pruning.ranking.whole_channels import by_layer
from cellprune.structure.channels import Channels

_LAMBDA = 11


def balanced(channels: Channels, sensitivity: Named) -> Tensor:
    """Rank channels by the summed effect of single weights, each layer scaled so that all have one mean.

    Returns:
        (channels.count,) float64; the channels that several layers share count with the first of them.
    """
    layers = by_layer(channels, summed_sizes(channels, sensitivity)).values()
    return torch.cat([scores / scores.mean() if scores.any() else scores for scores in layers])


def cheap_preferred(channels: Channels, scores: Tensor, cost: Tensor) -> Tensor:
    """Raise the scores of layers that cost little.

    Args:
        channels: what there is.
        scores: (channels.count,), what `balanced` gave.
        cost: (channels.count,) long, what each channel costs in the dense network.
    """
    layers = by_layer(channels, cost.double())
    spent = torch.stack([each.sum() for each in layers.values()])
    factors = 1 + _LAMBDA * torch.softmax(-spent / spent.max(), dim=0)
    return scores * factors.repeat_interleave(torch.tensor([len(each) for each in layers.values()]))


METHOD = replace(snip.METHOD, channel=balanced, weighed=cheap_preferred)
