"""Scores single weights in rounds, and keeps the best of what each round leaves."""

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.kinds import Batch, Chosen, Masks
from cellprune.pruning.ranking import revival
from cellprune.pruning.ranking.budget import at_least, select
from cellprune.pruning.ranking.correction import effectively
from cellprune.pruning.ranking.costs import affordable, select_within
from cellprune.pruning.ranking.divided import best_of_slices, divided, refuse_empty
from cellprune.pruning.ranking.revival import survivors
from cellprune.pruning.scoring import Scoring

log = logging.getLogger("cellprune")


def weights_kept(
    scoring: Scoring,
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    taken: list[Batch],
    later: Iterator[list[Batch]],
) -> Chosen:
    """Choose the weights that stay.

    Args:
        scoring: the request at work.
        model: the network.
        weights: the prunable ones.
        taken: the batches of the first round.
        later: those of each round after it.
    """
    asked, row = scoring.request, scoring.method
    prices, total, share = None, sum(weight.numel() for weight in weights.values()), asked.share
    if asked.unit:
        prices, total, allowed = affordable(model, taken[0][0], weights, share)
        share = Fraction(allowed, total)
    counts = scoring.counts(total, share)
    _refuse_floor(weights, prices, counts[-1], asked.least)
    axes = divided(model, weights)
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    for number, (keep, batches) in enumerate(zip(counts, chain([taken], later), strict=False), start=1):
        with scoring.in_round(number, len(counts)):
            sensitivity = scoring.sensitivity(model, masks, batches)
            scores = _scores(scoring, weights, sensitivity)
        if number == 1:
            scoring.refuse_silence(model, scores, head=[*scores][-1:])
        before, among = masks, row.candidates(model, masks, **scoring.of(row.candidates))
        always = best_of_slices(scores, axes, among)
        pick = partial(_pick, scoring, scores, prices, among=among, always=always)
        masks = effectively(model, taken[0][0].shape[1:], pick, keep) if asked.effective else pick(keep)
        refuse_empty(masks, axes)
        if row.candidates is not survivors:
            log.info("round %d of %d: %d weights came back, %d of them into channels that had none left", number,
                     len(counts), *revival.count(model, before, masks))  # fmt: skip
        scoring.tell(number, len(counts))
    return Chosen(masks, {name: s.masked_fill(~among[name], -torch.inf) for name, s in scores.items()}, sensitivity)


def _scores(scoring: Scoring, weights: Mapping[str, Tensor], sensitivity: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the scores of the weights; larger is kept, of an inverted request too."""
    scores = {name: scoring.method.unit(weight, sensitivity[name]) for name, weight in weights.items()}
    if wrong := [name for name, score in scores.items() if score.is_complex()]:
        raise CellpruneError(f"the scores of {wrong[0]!r} are complex numbers, which have no order: exclude it, or "
                             f"take another method")  # fmt: skip
    return {name: -score for name, score in scores.items()} if scoring.request.invert else scores


def _pick(
    scoring: Scoring,
    scores: Mapping[str, Tensor],
    prices: Mapping[str, int] | None,
    keep: int,
    *,
    among: Mapping[str, Tensor],
    always: Mapping[str, Tensor],
) -> Masks:
    """Keep so many weights, or with prices those that so much pays for."""
    asked, quotas_of = scoring.request, scoring.method.quotas
    if prices is not None:
        return select_within(scores, prices, keep, among=among, least=asked.least)
    quotas = quotas_of({name: score.shape for name, score in scores.items()}, keep) if quotas_of else None
    return select(scores, keep, asked.scope, among=among, quotas=quotas, least=asked.least, always=always)


def _refuse_floor(
    weights: Mapping[str, Tensor], prices: Mapping[str, int] | None, allowed: int, least: Fraction
) -> None:
    """Refuse a floor that takes more than may stay."""
    needed = sum(at_least(w.numel(), least) * (prices[name] if prices else 1) for name, w in weights.items())
    if needed > allowed:
        raise TooMuchError(
            f"floor={float(least):g} alone keeps {needed} {'multiply-adds' if prices else 'weights'} of the {allowed} "
            f"that may stay: lower the floor, or remove less"
        )
