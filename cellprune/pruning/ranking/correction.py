"""Masks whose effective sparsity, not the direct one, meets what was asked: more weights stay than were asked for.

Source: Vysogorets, Kempe, JMLR 2023 (arXiv:2107.02306), whose extension of pruning methods aims at effective sparsity;
    like their code we search the count of kept weights by bisection over one ranking.
"""

from collections.abc import Callable, Sequence

from torch import nn

from cellprune.pruning.kinds import Masks
from cellprune.structure.effective import active_weights


def effectively(model: nn.Module, input_size: Sequence[int], pick: Callable[[int], Masks], keep: int) -> Masks:
    """Keep as many weights as leave no more than `keep` of them active: on a path from the input to the output.

    Args:
        model: the network; it is left as it was.
        input_size: shape of one sample without the batch axis, on which paths depend.
        pick: count -> masks that keep it; those of a larger count hold those of a smaller one.
        keep: active weights asked for.
    Returns:
        The masks of a count n with active(n) <= keep < active(n + 1), or of all weights where all are not too many.
        The effective sparsity is the asked one or above; a single weight can complete many paths, so it may be above
        by more than that weight.
    """

    def fits(masks: Masks) -> bool:
        active = active_weights(model, input_size, masks)
        return sum(int(active[name].sum()) for name in masks) <= keep

    few, masks_of_few = keep, pick(keep)  # of which no more than `keep` can be active
    many = sum(mask.numel() for mask in masks_of_few.values())
    if fits(everything := pick(many)):
        return everything
    while many - few > 1:
        middle = (few + many) // 2
        if fits(masks := pick(middle)):
            few, masks_of_few = middle, masks
        else:
            many = middle
    return masks_of_few
