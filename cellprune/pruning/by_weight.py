"""Scores single weights in rounds, and keeps the best of what each round leaves."""

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from cellprune.config.pattern import Blocks, pattern_of
from cellprune.config.request import Scope
from cellprune.config.shares import exact
from cellprune.errors import CellpruneError, TooMuchError, unknown
from cellprune.pruning.kinds import Batch, Chosen, Masks
from cellprune.pruning.ranking import revival
from cellprune.pruning.ranking.budget import at_least, check_finite, layer_quotas, select
from cellprune.pruning.ranking.correction import effectively
from cellprune.pruning.ranking.costs import affordable, select_within
from cellprune.pruning.ranking.divided import best_of_slices, divided, refuse_empty
from cellprune.pruning.ranking.patterns import input_axes, of_each_in_rounds, whole_blocks
from cellprune.pruning.ranking.revival import survivors
from cellprune.pruning.scoring import Scoring
from cellprune.pruning.start import refuse_few

log = logging.getLogger("cellprune")


def weights_kept(
    scoring: Scoring,
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    taken: list[Batch],
    later: Iterator[list[Batch]],
    start: Mapping[str, Tensor] | None = None,
) -> Chosen:
    """Choose the weights that stay.

    Args:
        scoring: the request at work.
        model: the network.
        weights: the prunable ones.
        taken: the batches of the first round.
        later: those of each round after it.
        start: masks; what they removed stays so.
    """
    asked, row = scoring.request, scoring.method
    prices, total, share = None, sum(weight.numel() for weight in weights.values()), asked.share
    if asked.unit:
        prices, total, allowed = affordable(model, taken[0][0], weights, share)
        share = Fraction(allowed, total)
    quotas = _quotas(scoring, weights)
    counts = [sum(each.values()) for each in quotas] if quotas else scoring.counts(total, share)
    _refuse_floor(weights, prices, counts[-1], asked.least)
    axes = divided(model, weights)
    first = masks = _left(weights, start)
    if start and share < 1:  # where nothing is to go, all that is left stays
        _refuse_few(first, counts[-1] if prices is None else 0, quotas[-1] if quotas else {})
    for number, (keep, batches) in enumerate(zip(counts, chain([taken], later), strict=False), start=1):
        with scoring.in_round(number, len(counts)):
            sensitivity = scoring.sensitivity(model, masks, batches)
            scores = _scores(scoring, weights, sensitivity)
        if number == 1:
            scoring.refuse_silence(model, scores, head=[*scores][-1:])
        before, among = masks, row.candidates(model, masks, **scoring.of(row.candidates))
        among = {name: may & first[name] for name, may in among.items()} if start else among
        keep = min(keep, sum(int(may.sum()) for may in among.values())) if start and prices is None else keep
        always = best_of_slices(scores, axes, among)
        shares = {n: min(q, int(among[n].sum())) for n, q in quotas[number - 1].items()} if quotas else None
        pick = partial(_pick, scoring, model, scores, prices, shares, last=counts[-1], among=among, always=always)
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
    model: nn.Module,
    scores: Mapping[str, Tensor],
    prices: Mapping[str, int] | None,
    quotas: Mapping[str, int] | None,
    keep: int,
    *,
    last: int,
    among: Mapping[str, Tensor],
    always: Mapping[str, Tensor],
) -> Masks:
    """Keep so many weights, or with prices those that so much pays for; `last` are kept in the last round."""
    asked, quotas_of = scoring.request, scoring.method.quotas
    if prices is not None:
        return select_within(scores, prices, keep, among=among, least=asked.least)
    if asked.pattern is not None:
        pattern, axes = pattern_of(asked.pattern), input_axes(model, scores)
        if isinstance(pattern, Blocks):
            return _blocks(scores, pattern, axes, keep, asked.scope, among)
        return of_each_in_rounds(scores, pattern, axes, among, keep, last, scope=asked.scope, always=always)
    if quotas_of:
        quotas = quotas_of({name: score.shape for name, score in scores.items()}, keep)
    return select(scores, keep, asked.scope, among=among, quotas=quotas, least=asked.least, always=always)


def _blocks(
    scores: Mapping[str, Tensor],
    pattern: Blocks,
    axes: Mapping[str, int],
    keep: int,
    scope: Scope,
    among: Mapping[str, Tensor],
) -> Masks:
    """Keep whole blocks, of the network or of each layer.

    Raises:
        TooMuchError: not a single block may stay.
    """
    check_finite(scores)
    if scope == "global":
        masks = whole_blocks(scores, pattern, axes, keep, among)
    else:
        quotas = layer_quotas({name: score.numel() for name, score in scores.items()}, keep)
        masks = {n: whole_blocks({n: s}, pattern, axes, quotas[n], among)[n] for n, s in scores.items()}
    if not any(mask.any() for mask in masks.values()):
        raise TooMuchError(f"{keep} weights should stay, fewer than a block holds: remove less, or take smaller blocks")
    return masks


def _left(weights: Mapping[str, Tensor], start: Mapping[str, Tensor] | None) -> Masks:
    """Give the weights that the first round may keep."""
    whole = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    return whole | {name: mask.to(weights[name].device) for name, mask in (start or {}).items() if name in weights}


def _quotas(scoring: Scoring, weights: Mapping[str, Tensor]) -> list[dict[str, int]]:
    """Give what each layer keeps after each round, where layers have shares of their own; else nothing.

    Raises:
        CellpruneError: a share of what is not prunable.
    """
    densities = scoring.request.densities
    if densities is None:
        return []
    if strange := [name for name in densities if name not in weights]:
        raise CellpruneError(unknown("prunable parameter", strange[0], weights, "densities"))
    of_layers = {name: scoring.counts(weight.numel(), exact("density", densities.get(name, 1)))
                 for name, weight in weights.items()}  # fmt: skip
    return [dict(zip(of_layers, counts, strict=True)) for counts in zip(*of_layers.values(), strict=True)]


def _refuse_few(first: Masks, keep: int, quotas: Mapping[str, int]) -> None:
    """Refuse masks to start from that have fewer weights left than should stay."""
    left = {name: int(mask.sum()) for name, mask in first.items()}
    for name, quota in quotas.items():
        refuse_few(left[name], quota, f"weights of {name!r}")
    refuse_few(sum(left.values()), keep, "weights")


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
