"""Ways of choosing channels that the product has no setting for, as masks that `cellprune train --masks` trains.

All spend the same share of the multiply-adds, in blocks of channels, by ProsPr's scores of the same batches as
`cellprune train --method prospr`; they differ in one thing each. What stays can then be compared with what
`--method prospr` keeps, and with dense networks of the same cost.

    python benchmarks/criteria.py rounds --dataset PhC-C2DH-U373 --seed 0 -o rounds.safetensors
    cellprune train --dataset PhC-C2DH-U373 --split sequence --target classes --model.width 32 \\
        --masks rounds.safetensors
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from re import fullmatch

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import cellprune
from cellprune.config import names
from cellprune.config.load import load
from cellprune.config.request import Request
from cellprune.controls.families import spent
from cellprune.experiment import choose, kept_scores
from cellprune.experiment.opening import Setup, open_data, set_up
from cellprune.experiment.settling import settled
from cellprune.pruning.derivatives.batches import take
from cellprune.pruning.kinds import Batch, Masks, Once
from cellprune.pruning.method import Method
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import fulfil, unheard
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.blocks import Blocks, in_blocks
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.ranking.spending import within
from cellprune.pruning.scoring import Scoring, at_once
from cellprune.runs import maskfile
from cellprune.structure.channels import Channels
from cellprune.structure.levels import weights_of_levels
from cellprune.structure.positions import Positions
from cellprune.structure.shrink import shrunk
from cellprune.training.accelerator import start

ROUNDS = 3
BEHIND = Fraction(1, 4)  # of the channels of a layer that reads a concatenation
WARMING = 8  # batches that statistics are warmed up by


@dataclass(frozen=True)
class Choice:
    """What masks are chosen with.

    Attributes:
        request: the budget, and whatever else `--method prospr` would be asked.
        once: gives ProsPr's scores of the network as it is drawn, of a file where they were kept.
        run: whose weights are scored, for the idea "trained", or whose masks are cut, for "shallow".
    """

    setup: Setup
    request: Request
    once: Once
    run: Path | None = None

    @property
    def batches(self) -> list[Batch]:
        """The batches that a scoring reads."""
        loader = self.setup.loaders.scoring(self.setup.settings.pruning.batch_size)
        return take(loader, 4, self.setup.device)  # three inner steps, and the loss behind them

    def fulfilled(self, model: nn.Module, request: Request | None = None, once: Once = at_once) -> Masks:
        """Choose as the product does."""
        return fulfil(model, request or self.request, batches=self.batches, loss=self.setup.loss, once=once)


def as_it_is(choice: Choice) -> Masks:
    """Do what `--method prospr` does."""
    return choice.fulfilled(choice.setup.network, once=choice.once)


def eights(choice: Choice) -> Masks:
    """Take blocks of 8 channels, so that less of the budget is spoken for."""
    return choice.fulfilled(choice.setup.network, replace(choice.request, round_to=8), choice.once)


def floor(choice: Choice) -> Masks:
    """Let each layer keep an eighth of its channels."""
    return choice.fulfilled(choice.setup.network, replace(choice.request, floor=0.125), choice.once)


def rounds(choice: Choice) -> Masks:
    """Score anew after each round, on the network that the round before left, shrunk: the same share goes each time."""
    whole = choice.setup.network
    [(unit, share)] = (choice.request.budget or {}).items()
    inputs = choice.batches[0][0]
    dense = _macs(whole, inputs)
    network, positions = whole, Positions.whole()
    for done in range(1, ROUNDS + 1):
        left = share ** (done / ROUNDS) if done < ROUNDS else share
        budget = {unit: left * dense / _macs(network, inputs)}
        once = choice.once if done == 1 else at_once
        masks = choice.fulfilled(network, replace(choice.request, budget=budget), once)
        smaller = shrunk(network, masks, inputs)
        network, positions = smaller.network, positions.then(smaller.positions)
        logging.info("round %d: %d multiply-adds stay", done, _macs(network, inputs))
    return positions.masks({name: p.shape for name, p in whole.named_parameters()})


def levels(choice: Choice) -> Masks:
    """Let the layers of a level be equally wide: the first blocks of all of them are one unit, then the second ones."""

    def together(channels: Channels, blocks: Blocks) -> Blocks:
        layers = channels.layers()
        depth = choice.setup.settings.model.depth
        at = {name: _level(name, depth) for name in layers}
        of = torch.full((channels.count,), -1)
        numbers: dict[tuple[int, int], int] = {}
        for name, made in layers.items():
            for rank, block in enumerate(blocks.of[made].unique(sorted=True).tolist()):
                number = numbers.setdefault((at[name], rank), len(numbers))
                of[made[blocks.of[made] == block]] = number
        order = {number: new for new, (_, number) in enumerate(sorted(numbers.items()))}
        follows = [rank > 0 for _, rank in sorted(numbers)]
        return Blocks(torch.tensor([order[number] for number in of.tolist()]), torch.tensor(follows))

    return _spent(choice, together, whole_channels.best_of_layers)


def behind(choice: Choice) -> Masks:
    """Let each layer that reads a concatenation keep a quarter of its channels."""

    def more(channels: Channels, scores: Tensor) -> list[int]:
        readers = [made for name, made in channels.layers().items() if fullmatch(r"up\.\d+\.0\.weight", name)]
        assert readers, "a U-Net has some"
        there = set(torch.cat(readers).tolist())
        quarters = whole_channels.best_of_layers(channels, scores, BEHIND)
        return whole_channels.best_of_layers(channels, scores) + [some for some in quarters if some in there]

    return _spent(choice, lambda channels, blocks: blocks, more)


def warm(choice: Choice) -> Masks:
    """Score in evaluation mode, with statistics of the norms that some batches have warmed up."""
    network, loader = choice.setup.network, choice.setup.loaders.scoring(8)
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
    with torch.no_grad():
        for inputs, _ in islice(loader, WARMING):
            network(inputs)
    return choice.fulfilled(network.eval())


def trained(choice: Choice) -> Masks:
    """Score at the weights that a short training reached; what is trained afterwards begins at the beginning."""
    assert choice.run is not None, "give --run"
    network = choice.setup.network
    network.load_state_dict(cellprune.load(choice.run).state_dict())
    return choice.fulfilled(network)


def shallow(choice: Choice) -> Masks:
    """Take the deepest level out of what a run's masks keep, and change nothing else."""
    assert choice.run is not None, "give --run"
    network, inputs = choice.setup.network, choice.batches[0][0]
    channels = whole_channels.removable(network, inputs, prunable(network))
    masks = {name: torch.from_numpy(mask) for name, mask in maskfile.read(choice.run).items()}
    kept = whole_channels.kept_by(network, channels, masks)
    assert kept is not None, "masks of channels"
    layers = channels.layers()
    for name in weights_of_levels(network, channels.makes)[0]:
        kept[layers[name]] = False
    return whole_channels.masks_of(network, inputs, channels, kept)


IDEAS: dict[str, Callable[[Choice], Masks]] = {
    "as-it-is": as_it_is, "eights": eights, "floor": floor, "rounds": rounds, "levels": levels, "behind": behind,
    "warm": warm, "trained": trained, "shallow": shallow,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose the masks of one idea, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("idea", choices=IDEAS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the masks file to write")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", default="macs=0.1")
    parser.add_argument("--set", nargs="*", default=[], help="more settings, such as model.width=8")
    parser.add_argument("--scores", type=Path, help="folder of scores that several ideas share")
    parser.add_argument("--run", type=Path, help="run whose weights are scored (trained), or masks are cut (shallow)")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    choice = opened(given)
    masks = IDEAS[given.idea](choice)
    maskfile.write(given.output, {name: mask.cpu().numpy() for name, mask in masks.items()})


def opened(given: argparse.Namespace) -> Choice:
    """Draw the network and read the data, as the same settings of `cellprune train` would."""
    assignments = [
        f"data.dataset={given.dataset}", "data.split=sequence", "data.target=classes", "model.width=32",
        f"seed={given.seed}", "pruning.method=prospr", "pruning.granularity=channel", f"pruning.budget={given.budget}",
        "training.precision=bf16", *given.set,
    ]  # fmt: skip
    accelerator = start("cpu")
    settings = settled(load(assignments=assignments), accelerator.device)
    setup = set_up(open_data(settings, None), accelerator)
    within_memory = choose.segments(setup)
    request = settings.pruning.request(settings.seed)
    request = replace(request, options={**request.options, **within_memory})
    once = kept_scores.kept_in(given.scores, setup, within_memory) if given.scores else at_once
    return Choice(setup, request, once, given.run)


def _spent(
    choice: Choice,
    together: Callable[[Channels, Blocks], Blocks],
    stays: Callable[[Channels, Tensor], list[int]],
) -> Masks:
    """Spend the budget as the product does, on other units, or with more that stays in any case."""
    network, request = choice.setup.network, choice.request
    batches = choice.batches
    method: Method = names.resolve("pruning method", request.method)
    options = method.resolve(request.method, request.options, "channel")
    scoring = Scoring(request, method, options, choice.setup.loss, unheard, choice.once)
    inputs = batches[0][0]
    channels = whole_channels.removable(network, inputs, prunable(network))
    assert method.channel is not None
    scores = method.channel(channels, scoring.sensitivity(network, {}, batches), **scoring.of(method.channel))
    blocks = together(channels, in_blocks(channels, scores, request.round_to))
    prices = priced(network, inputs, channels, "macs").together(blocks.of)
    least = blocks.with_any(stays(channels, scores))
    kept, allowed, paid = within(prices, blocks.scores(scores), request.share, least, follows=blocks.follows)
    logging.info("%d of %d allowed are spent", paid, allowed)
    return whole_channels.masks_of(network, inputs, channels, kept[blocks.of])


def _level(name: str, depth: int) -> int:
    """Give the level of the U-Net's layer that a weight belongs to, from the image down."""
    part, number, *_ = name.split(".")
    return int(number) if part == "down" else depth - 1 - int(number)


def _macs(network: nn.Module, inputs: Tensor) -> int:
    return spent(network, "macs", inputs.shape[1:])


if __name__ == "__main__":
    main()
