"""One request at work: what each round reads, and when scores say nothing."""

import logging
from collections.abc import Callable
from itertools import islice

import pytest
import torch
from torch import nn

from cellprune.config.request import Request
from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.units import absolute
from cellprune.pruning.scoring import Scoring


def sensitivity(model, masks, batches, loss, *, seed, power=1):
    """Give the seed, the option and the batch's number, where a test can read them."""
    return {"seen": torch.tensor([seed, power, *(float(inputs[0]) for inputs, _ in batches)])}


def scoring(needs: Callable = lambda options: 1, *, sparsity: float = 0.5, **row: object) -> Scoring:
    method = Method(sensitivity=sensitivity, unit=absolute, needs_batches=needs, **row)
    return Scoring(Request(sparsity=sparsity, seed=7), method, {"power": 3}, None, lambda done, total: None)


def source(n: int):
    return [(torch.tensor([float(k)]), torch.tensor([k])) for k in range(n)]


def read(rounds, n: int) -> list[list[float]]:
    return [[float(inputs) for inputs, _ in taken] for taken in islice(rounds, n)]


MODEL = nn.Linear(2, 1)


def test_each_round_reads_the_next_batches() -> None:
    assert read(scoring(lambda options: 2).batches_of_rounds(MODEL, source(6), 3), 3) == [[0, 1], [2, 3], [4, 5]]


def test_a_method_that_sees_no_data_reads_one_batch_for_all_rounds() -> None:
    assert read(scoring(data_free=True).batches_of_rounds(MODEL, source(6), 3), 3) == [[0], [0], [0]]


def test_a_method_that_reads_nothing_needs_no_source_and_takes_a_shape_where_there_is_one() -> None:
    nothing = scoring(lambda options: 0)
    assert read(nothing.batches_of_rounds(MODEL, None, 2), 2) == [[], []]
    assert read(nothing.batches_of_rounds(MODEL, source(2), 2), 1) == [[0]]


def test_a_source_that_is_too_short_is_told_what_all_rounds_need() -> None:
    rounds = scoring(lambda options: 2).batches_of_rounds(MODEL, source(3), 4)
    next(rounds)
    with pytest.raises(CellpruneError, match=r"needs 8 batches .* ended after 3"):
        next(rounds)


def test_a_method_that_chooses_samples_gathers_them_itself() -> None:
    gathering = scoring(gather=lambda model, reader, options: list(reader.rest())[:: options["power"]])
    assert read(gathering.batches_of_rounds(MODEL, source(7), 1), 1) == [[0, 3, 6]]


def test_the_method_scores_with_its_own_options_and_the_requests_seed() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    seen = scoring().sensitivity(model, {}, source(2))["seen"]
    assert seen.tolist() == [7, 3, 0, 1]


def test_a_failure_names_its_round_and_what_it_read() -> None:
    with pytest.raises(WorkError, match=r"^no \(round 2 of 3, which reads the source's batch 2\)$"):
        with_round(scoring(), 2, 3)
    with pytest.raises(WorkError, match=r"^no \(round 2 of 3\)$"):
        with_round(scoring(data_free=True), 2, 3)
    with pytest.raises(WorkError, match=r"^no$"):
        with_round(scoring(), 1, 1)


def with_round(asked: Scoring, number: int, n_rounds: int) -> None:
    with asked.in_round(number, n_rounds):
        raise WorkError("no")


@pytest.mark.parametrize(("needs", "data_free", "by_loss"), [(1, False, True), (1, True, False), (0, False, False)])
def test_scores_come_from_the_loss_where_data_are_seen(needs: int, data_free: bool, by_loss: bool) -> None:
    assert scoring(lambda options: needs, data_free=data_free).is_by_loss is by_loss


LOUD, SILENT = torch.tensor([0.0, 1.0]), torch.zeros(2)


def test_layers_that_say_nothing_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cellprune"):
        scoring().refuse_silence(MODEL, {"a": LOUD, "b": LOUD})
        assert caplog.messages == []
        scoring().refuse_silence(MODEL, {"a": SILENT, "b": LOUD, "c": SILENT})
    assert caplog.messages == [
        "every score is 0 in a, c: the loss does not see them, or a norm beside them starts at 0"
    ]


def test_where_all_or_all_but_the_head_are_silent_nothing_can_be_ranked() -> None:
    with pytest.raises(CellpruneError, match=r"^every score is 0, so that the order of layers would decide what stays"):
        scoring().refuse_silence(MODEL, {"a": SILENT, "b": SILENT})
    with pytest.raises(CellpruneError, match=r"^every score is 0 but those of 'head', so that the order"):
        scoring().refuse_silence(MODEL, {"a": SILENT, "head": LOUD}, head=["head"])
    assert scoring(sparsity=0.0).refuse_silence(MODEL, {"a": SILENT}) is None, "all stay, whatever they score"


def test_what_lets_nothing_through_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[2].bias)
    with pytest.raises(CellpruneError, match=r"stays: '1.weight' starts at zero and lets nothing through; give it"):
        scoring().refuse_silence(model, {"0.weight": SILENT})
    nn.init.ones_(model[1].weight)
    with pytest.raises(CellpruneError, match="the loss sees none of these weights; check the loss"):
        scoring().refuse_silence(model, {"0.weight": SILENT})
