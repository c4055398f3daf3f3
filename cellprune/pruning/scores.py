"""The numbers behind masks: the scores that rank weights or channels, and the signed derivatives behind the scores."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from cellprune.config.request import Code, Cost, Granularity, Pricing, Request, RoundTo, Scope
from cellprune.pruning.kinds import Batches, Loss, Tell
from cellprune.pruning.prune import choose, unheard


def scores(
    model: nn.Module,
    *,
    method: str | Code = "prospr",
    sparsity: float | None = None,
    budget: Mapping[str, float] | None = None,
    batches: Batches | None = None,
    loss: Loss | None = None,
    granularity: Granularity = "weight",
    scope: Scope = "global",
    cost: Cost = "auto",
    pricing: Pricing = "static",
    round_to: RoundTo = "auto",
    floor: float = 0.0,
    effective: bool = False,
    exclude: Iterable[str] = (),
    seed: int = 0,
    invert: bool = False,
    pattern: str | None = None,
    densities: Mapping[str, float] | None = None,
    start: Mapping[str, Tensor] | None = None,
    tell: Tell = unheard,
    signed: bool = False,
    **options: object,
) -> dict[str, Tensor]:
    """Score weights or channels as `prune` does, and give the numbers in place of the masks.

    What each round of a method removes decides what the later rounds score. With neither sparsity nor budget nothing is
    removed, and all rounds score the whole network, or all that `start` left of it.

    Args:
        model, method, batches, loss, granularity, exclude, seed, invert, options: as `prune` takes them.
        sparsity, budget, scope, cost, pricing, round_to, floor, effective, pattern, densities, start, tell: as `prune`
            takes them.
        signed: give the derivatives behind the scores, for every parameter, norms and biases too: for snip and prospr
            weight times (meta-)gradient, what a factor at 1 before the weight changes of the loss.
    Returns:
        Name of a prunable parameter -> tensor of its shape, of the last round; larger is kept, and what an earlier
        round removed has minus infinity. With channels: name of the first layer that makes them -> one number per
        channel, which a budget divides by costs afterwards. With `signed`: parameter name -> tensor of its shape.
    Raises:
        CellpruneError, WorkError: as `prune` does.
    Example:
        >>> import torch
        >>> from torch.nn.functional import mse_loss
        >>> model = nn.Linear(2, 1, bias=False)
        >>> _ = nn.init.constant_(model.weight, 1.0)
        >>> batches = [(torch.tensor([[2.0, 0.5]]), torch.tensor([[3.0]]))]
        >>> scores(model, method="snip", batches=batches, loss=mse_loss)["weight"]
        tensor([[2.0000, 0.5000]])
        >>> scores(model, method="snip", batches=batches, loss=mse_loss, signed=True)["weight"]
        tensor([[-2.0000, -0.5000]])
    """
    request = Request(
        method=method,
        sparsity=0.0 if sparsity is None and budget is None and densities is None else sparsity,
        budget=budget,
        granularity=granularity,
        scope=scope,
        cost=cost,
        pricing=pricing,
        round_to=round_to,
        floor=floor,
        effective=effective,
        exclude=exclude,
        seed=seed,
        invert=invert,
        pattern=pattern,
        densities=densities,
        options=options,
    )
    chosen = choose(model, request, batches=batches, loss=loss, start=start, tell=tell)
    return dict(chosen.sensitivity if signed else chosen.scores)
