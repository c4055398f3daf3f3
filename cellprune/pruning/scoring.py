"""One request at work: what each round of scoring reads, what it scores by, and whether the scores say anything."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat

from torch import Tensor, nn

from cellprune.config.request import Request
from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.batches import Reader
from cellprune.pruning.derivatives.conditions import device_of, untouched
from cellprune.pruning.derivatives.linear import is_additive
from cellprune.pruning.kinds import Batch, Batches, Loss, Once, Options, Tell
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.schedule import one_shot

log = logging.getLogger("cellprune")


def at_once(compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Compute, and keep nothing."""
    return compute()


@dataclass(frozen=True)
class Scoring:
    """A request with all that answers it.

    Attributes:
        request: what is asked.
        method: the code of its method.
        options: of the method, complete.
        loss: (output, target) -> scalar; None for a method that needs none.
        tell: called after each round with how many are done and how many there are.
        once: gives the sensitivities by the loss of a method's only round, which any amount has in common.
    """

    request: Request
    method: Method
    options: Options
    loss: Loss | None
    tell: Tell
    once: Once = at_once

    @property
    def is_by_loss(self) -> bool:
        """Whether the scores come from the loss, so that what it does not see scores 0."""
        return bool(self.method.needs_batches(self.options)) and not self.method.data_free

    def of(self, part: Callable[..., object]) -> dict[str, object]:
        """Give those of the options that a part of the method takes."""
        return self.method.of(part, self.options)

    def counts(self, total: int, share: Fraction) -> list[int]:
        """Give how much of a total each round keeps."""
        return self.method.schedule(total, share, **self.of(self.method.schedule))

    def sensitivity(self, model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch]) -> dict[str, Tensor]:
        """Let the method score the masked network."""

        def compute() -> dict[str, Tensor]:
            score = self.method.sensitivity
            with untouched(model):
                return score(model, masks, batches, self.loss, seed=self.request.seed, **self.of(score))

        return self.once(compute) if self.is_by_loss and self.method.schedule is one_shot else compute()

    def batches_of_rounds(self, model: nn.Module, batches: Batches | None, n_rounds: int) -> Iterator[list[Batch]]:
        """Give what each round reads, without end; nothing where nothing is read and nothing was given."""
        row, n_batches = self.method, self.method.needs_batches(self.options)
        if not n_batches and batches is None:
            yield from repeat([])
        reader = Reader(batches, device_of(model), max(1, n_batches * (1 if row.data_free else n_rounds)))
        taken = row.gather(model, reader, self.options) if row.gather else reader.take(n_batches or 1)
        yield taken
        while True:
            yield taken if row.data_free else reader.take(n_batches)

    @contextmanager
    def in_round(self, number: int, n_rounds: int) -> Iterator[None]:
        """Say in which round the work failed, where there are several; each reads the next batch of the source."""
        try:
            yield
        except WorkError as error:
            if n_rounds == 1:
                raise
            read = "" if self.method.data_free else f", which reads the source's batch {number}"
            raise WorkError(f"{error} (round {number} of {n_rounds}{read})") from error

    def refuse_silence(self, model: nn.Module, scores: Mapping[str, Tensor], head: Collection[str] = ()) -> None:
        """Warn of layers whose scores are all 0; refuse where no layer but perhaps the head has others: ties decide."""
        silent = [name for name, score in scores.items() if not score.any()]
        if not silent:
            return
        loud = scores.keys() - silent
        if self.request.share < 1 and loud <= set(head):
            raise CellpruneError(f"every score is 0{f' but those of {min(loud)!r}' if loud else ''}, so that the order "
                                 f"of layers would decide what stays: {_blocking(model)}")  # fmt: skip
        log.warning("every score is 0 in %s: the loss does not see them, or a norm beside them starts at 0",
                    ", ".join(silent))  # fmt: skip


def _blocking(model: nn.Module) -> str:
    """Name the layer or norm of zeros that nothing passes, the last of them, and say what to do."""
    zeros = [name for name, p in model.named_parameters() if not is_additive(name) and not p.any()]
    if not zeros:
        return (
            "the loss sees none of these weights; check the loss, that no activation lets nothing through, and for "
            "channels that the norms behind them are not frozen"
        )
    return f"{zeros[-1]!r} starts at zero and lets nothing through; give it small random values, then prune"
