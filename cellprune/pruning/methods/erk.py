"""ERK: random weights, as many in each layer as its shape asks for: small layers stay dense, large ones are thin.

Source: Evci et al., ICML 2020 (arXiv:1911.11134), Erdos-Renyi-Kernel: a layer's density is proportional to the sum of
    its tensor's sides over their product; where that exceeds 1 the layer stays whole and the others share the rest.
Note: the paper's code rounds each layer's zeros down; we round so that the sum is exact. The code of effective-sparsity
    does not solve for the factor again when a layer would be more than whole: it hands the excess to the layer before.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod

from cellprune.pruning.method import Method
from cellprune.pruning.methods.random import sensitivity
from cellprune.pruning.ranking.budget import whole_quotas
from cellprune.pruning.ranking.units import given


def quotas(shapes: Mapping[str, Sequence[int]], keep: int) -> dict[str, int]:
    """Give the number of weights that each layer keeps.

    Args:
        shapes: layer -> shape of its weight as it is stored.
        keep: weights to keep in all, 1 <= keep <= number of weights.
    Example:
        >>> quotas({"conv": (8, 8, 3, 3), "head": (2, 8)}, 59)  # 22/576 and 10/16, of which the head's exceeds 1
        {'conv': 43, 'head': 16}
    """
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    raw = {name: Fraction(sum(shape), prod(shape)) for name, shape in shapes.items()}
    thin = list(shapes)
    while True:
        left = keep - sum(size for name, size in sizes.items() if name not in thin)
        scale = left / sum((raw[name] * sizes[name] for name in thin), Fraction(0))
        largest = max(raw[name] for name in thin)
        if scale * largest <= 1:
            break
        thin = [name for name in thin if raw[name] < largest]
    return whole_quotas({name: scale * raw[name] * size if name in thin else Fraction(size)
                         for name, size in sizes.items()}, sizes)  # fmt: skip


METHOD = Method(sensitivity=sensitivity, unit=given, data_free=True, quotas=quotas)
