"""What the numbers mean and do not mean, in plain sentences; what a user may type stands in backticks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cellprune.config.names import DECODERS, is_dense_family
from cellprune.report.formatting import count, file_size, milliseconds, ratio, score, share
from cellprune.runs.cost import Budget, Cost, Latency, StandIn
from cellprune.runs.split import UNANNOTATED, FrameSplit
from cellprune.runs.tuning import LinkTuning, Tuning
from cellprune.structure.counts import Parameters, Sparsity
from cellprune.targets.decoders import Decoder
from cellprune.wording import many

_POLICIES = {
    "paper": "a tracked cell that nobody outlined counts as background, as in the published tables",
    "ignore": "a tracked cell that nobody outlined is unknown, neither learned nor scored",
    "complete": "only frames in which every tracked cell is outlined are used",
    "silver": "a tracked cell that nobody outlined is taken from the computed reference masks",
}
_SPLITS = {
    "random": "Frames of one recording are near copies of each other, so scores on random held-out frames are too "
    "good: `--split sequence`, which holds out a whole recording, is the harder question.",
    "block": "A stretch of time was held out, so few held-out frames have a near copy among the training frames. "
    "Still, other frames of the same recording were learned: `--split sequence` is the harder question.",
    "sequence": "A whole recording was held out, the harder question: nothing of it was learned.",
}
_FOLDER = (
    "If images show the same cells, as neighbours in a time-lapse do, scores on random held-out images are too good: "
    "`--split block`, with names in the order of time, is the harder question."
)

NAMES_OF_UNITS = {
    "weights": "weights",
    "params": "parameters",
    "macs": "multiply-adds",
    "channels": "channels",
    "latency": "milliseconds",
}
"""What is counted, as people call it."""

_PER_IMAGE = NAMES_OF_UNITS | {"macs": "multiply-adds per image"}
CLEARLY_FASTER = 0.95  # of the dense network's time; passes of one network differ by some percent


def network(model: Mapping[str, Any]) -> str:
    """Name a network with the settings by which people tell networks apart.

    Args:
        model: the section of config.yaml; networks differ in the settings they have.
    """
    if "widths" in model:
        return f"{model['name']}, {widths(model['widths'])}"
    parts = [f"{key} {model[key]}" for key in ("width", "depth", "weights") if model.get(key) is not None]
    return ", ".join([model["name"], *parts])


def amount(pruning: Mapping[str, Any]) -> str:
    """Say how much was removed, or kept, and of what.

    Args:
        pruning: the section of config.yaml.
    """
    by_channel = pruning.get("granularity") == "channel"
    if (budget := pruning.get("budget")) is None:
        what = "channels" if by_channel else "weights"
        paths = ", including those that no path reaches" if pruning.get("effective") else ""
        return f"{ratio(pruning['ratio'])} of the {what} removed{paths}"
    unit, kept = budget.split("=")
    what = f"milliseconds in {pruning.get('engine')}" if unit == "latency" else NAMES_OF_UNITS[unit]
    if is_dense_family(pruning.get("method", "")):
        return f"within {share(float(kept))} of the {what}"
    return f"{share(float(kept))} of the {what} kept{', by channel' if by_channel else ''}"


def stands_in(
    control: StandIn, latency: Latency | None = None, family: str | None = None, *, round_to: int | str = 1
) -> str:
    """Say what a small dense network stands for, and how near its cost comes.

    Args:
        control: the network.
        latency: of both networks, where the time of layers decided.
        family: it is one of; None for a control, whose size masks gave.
        round_to: as config.yaml has it; 1 where it has none.
    """
    shape = {
        "narrow": "every level narrower by about the same factor",
        "flat": "the same number of channels at every level",
        "to-density": "each level as wide as the masks would leave it",
    }[control.shape]
    by_budget = family is not None or control.of_budget
    if control.shape != "to-density":
        steps = (
            "" if round_to == 1 else f" in steps of {'16 channels (8 below 16)' if round_to == 'auto' else round_to}"
        )
        shape += (
            f", the largest one{steps} that costs no more than the {'budget' if by_budget else 'masks would leave'}"
        )
    said = (
        f"No mask was trained here. This is a dense network with {shape}. {filled(control, family)} The whole network "
        f"has {widths(control.whole.widths)}.{f' {timed(latency)}' if latency else ''}"
    )
    if family:
        return said
    return f"{said} Pruning is worth its cost only if a pruned network does better than this one."


def filled(control: StandIn, family: str | None = None) -> str:
    """Say how much a small dense network takes of what it may.

    Args:
        control, family: as of `stands_in`.
    """
    unit = "by the times of layers" if control.unit == "latency" else _PER_IMAGE[control.unit]
    target, achieved = control.target, control.achieved
    amount_of = _nanoseconds if control.unit == "latency" else count
    what_for = "The budget is" if family or control.of_budget else "The masks leave"
    return (
        f"{what_for} {amount_of(target)} {unit}; this network, {widths(control.widths)}, has {amount_of(achieved)}, "
        f"{share(achieved / target)} of that."
    )


def widths(levels: Sequence[int]) -> str:
    """Name the channels of each level of a network."""
    if len(set(levels)) == 1:
        return f"width {levels[0]} at every level"
    return f"widths {'-'.join(map(str, levels))}"


def scope(split: FrameSplit, part: str) -> str:
    """Say what the scores were measured on, and how far they may be trusted beyond it.

    Args:
        part: of the split, the one that was scored.
    """
    frames = [frame for frames_of_part in split.parts.values() for frame in frames_of_part]
    sequences = sorted({frame.sequence for frame in frames})
    in_folder = any(frame.name is not None for frame in frames)
    numbers = {name: many(len(of), "image" if in_folder else "frame") for name, of in split.parts.items()}
    apart = (
        f", set apart to choose settings by; those held out ({numbers['report']}) were not scored"
        if part == "select"
        else ""
    )
    taught = (
        f", and by its teacher alone from {numbers[UNANNOTATED]} that nobody annotated"
        if UNANNOTATED in numbers
        else ""
    )
    learned = f"It learned from {numbers['train']}{taught}"
    scored = f"Scored on {numbers[part]} that the network did not learn from{apart}. {learned}"
    how = f"Hold-out: {split.how}, split seed {split.seed}."
    copies = near_copies(split.how, in_folder=in_folder)
    if in_folder:
        return f"{scored} of the folder {sequences[0]}. {how} {copies}"
    return (
        f"{scored}. All are frames of {many(len(sequences), 'recording')} ({', '.join(sequences)}). {how} Truth policy "
        f"{split.policy}: {_POLICIES.get(split.policy, 'see the documentation')}. {copies}"
    ).rstrip()


def near_copies(how: str, *, in_folder: bool = False) -> str:
    """Say what the way of holding out means for images that are near copies of each other.

    Args:
        how: "random", "block" or "sequence".
        in_folder: whether they are of a plain folder, of which nobody knows what belongs to one recording.
    """
    return _FOLDER if in_folder else _SPLITS.get(how, "")


def taught(teacher: str | None, weight: float | None) -> str:
    """Say by what teacher a network was trained, and how much it counted; empty without one."""
    if teacher is None or weight is None:
        return ""
    return (
        f"The network was trained with a teacher, `{teacher}`: what that gives of each image was learned beside the "
        f"truth, with weight {weight:g}. Compare this run with runs that had the same teacher."
    )


def gain(cost: Cost) -> str:
    """Say what pruning buys in this run and what it does not: bytes, and the time that was measured."""
    return f"{_smaller_file(cost)} {_faster(cost)}"


def _smaller_file(cost: Cost) -> str:
    pruned, dense = cost.bytes.model_file, cost.bytes.dense_fp32
    sizes = f"{file_size(pruned)} instead of {file_size(dense)}"
    if cost.shrunk:
        return f"The removed channels are no longer in the network. Its file has {sizes}."
    size = (
        "The mask buys a smaller file" if dense > pruned else "At this ratio the mask does not even buy a smaller file"
    )
    return f"{size}: {sizes}."


def _faster(cost: Cost) -> str:
    measured, ratio_of_time = cost.milliseconds, cost.time_ratio
    times = f"one image takes {milliseconds(measured.pruned)} pruned and {milliseconds(measured.dense)} dense"
    left = share(cost.macs.masked / cost.macs.dense)
    is_faster = ratio_of_time is not None and ratio_of_time < CLEARLY_FASTER
    if cost.shrunk:
        buys = "It is faster" if is_faster else "It buys no speed here"
        return f"{buys}: {times}. The pruned network does {left} of the multiply-adds."
    buys = (
        f"Here {times}, but that is chance: a zero is multiplied like any other number."
        if is_faster
        else f"It buys no speed: a zero is multiplied like any other number, so here {times}."
    )
    return (
        f"{buys} A machine that skips zeros would do {left} of the multiply-adds; an ordinary CPU or GPU does all of "
        "them."
    )


def tuned(tuning: Tuning) -> str:
    """Say which decoder was chosen of those that were tried, and on what."""
    own = decoder(tuning.before.decoder)
    if tuning.skipped:
        return f"The decoder was not tuned: {tuning.skipped}. It stays {own}."
    where = f"on {many(len(tuning.frames), 'frame')} that the network learned from ({many(tuning.n_cells, 'cell')})"
    if tuning.chosen == 0:
        return f"{len(tuning.tried)} decoders were tried {where}. None has a better SEG than {own}, which stays."
    before, after = (score(each.seg) for each in (tuning.before, tuning.after))
    return (
        f"{len(tuning.tried)} decoders were tried {where}. The best one is {decoder(tuning.after.decoder)}: its SEG "
        f"there is {after}, that of {own} is {before}. The held-out frames had no say."
    )


def links(tuning: LinkTuning | None) -> list[str]:
    """Say which numbers of the linker were chosen, and on what; nothing where none were tried."""
    if tuning is None:
        return []
    on = f"on the true tracks of {' and '.join(tuning.recordings)} ({many(tuning.n_links, 'link')})"
    tried = f"{len(tuning.tried)} ways to link cells through time were tried {on}."
    before, after = f"{tuning.before.lnk:.4f}", f"{tuning.after.lnk:.4f}"
    if tuning.chosen == 0:
        return [f"{tried} None has a better LNK than the usual one ({before}), which stays."]
    by = ", ".join(f"{name} {value:.4g}" for name, value in asdict(tuning.after.linking).items() if value is not None)
    return [f"{tried} The best one is {by}: its LNK there is {after}, that of the usual one {before}."]


def decoder(how: Decoder) -> str:
    """Name a decoder with its numbers: "watershed (depth 0.1, radius_px 11.2, min_area_px 40)"."""
    numbers = ", ".join(f"{name} {getattr(how, name):.4g}" for name in DECODERS[how.name])
    return f"{how.name} ({numbers})"


def paths(sparsity: Sparsity) -> str:
    """Say how many of the kept weights can matter: those on a path from input to output."""
    direct, effective = sparsity.direct, sparsity.effective
    size = " × ".join(map(str, sparsity.input))
    return (
        f"{share((1 - effective) / (1 - direct))} of the kept weights lie on a path from the input to the output: the "
        f"direct sparsity is {ratio(direct)}, the effective one {ratio(effective)}, at an input of {size}."
    )


def reached(parameters: Parameters, budget: Budget | None, latency: Latency | None = None) -> str:
    """Say what stays of a pruned network, beside what was to stay if anything was asked for.

    Args:
        parameters: of the network.
        budget: what was asked for.
        latency: of the whole networks, where the time of layers decided.
    """
    if budget is not None and budget.unit == "latency":
        asked = f"{_nanoseconds(budget.kept)} of {_nanoseconds(budget.dense)} of the layers' time stay"
        shares = f"({share(budget.achieved)}, asked: {share(budget.target)})"
        return f"{asked} {shares}; timed as a whole, {_whole(latency)}." if latency else f"{asked} {shares}."
    said = _counted(parameters, budget)
    return f"{said} {timed(latency)}" if latency else said


def timed(latency: Latency) -> str:
    """Say what whole networks take in their engine."""
    return f"Timed as a whole, {_whole(latency)}."


def _whole(latency: Latency) -> str:
    engine, made = latency.timed_in, milliseconds(latency.made)
    return (
        f"the network takes {made} of {milliseconds(latency.dense)} ({share(latency.share)}) in {engine.engine} "
        f"{engine.version} with {many(engine.threads, 'thread')}"
    )


def _nanoseconds(n: int) -> str:
    return milliseconds(n / 1e6)


def _counted(parameters: Parameters, budget: Budget | None) -> str:
    if budget is None:
        achieved = share(parameters.kept / parameters.prunable)
        return f"{parameters.kept:,} of {parameters.prunable:,} prunable weights stay ({achieved})."
    unit = _PER_IMAGE.get(budget.unit, budget.unit)
    as_asked = budget.kept == budget.allowed
    sentence = (
        f"{budget.kept:,} of {budget.dense:,} {unit} stay ({share(budget.achieved)}, "
        f"{'as asked' if as_asked else 'asked: ' + share(budget.target)})"
    )
    by_cost = budget.unit in ("params", "macs")
    return (
        f"{sentence}; nothing that was removed in one piece would fit into the rest of the budget."
        if by_cost
        else f"{sentence}."
    )


def deaths(names: Sequence[str]) -> str:
    """Say how many layers lost all their weights; the table of layers names them."""
    if not names:
        return "No layer lost all its weights."
    marked = "it is" if len(names) == 1 else "they are"
    return f"{many(len(names), 'layer')} lost all weights ({marked} marked below): only biases pass there."
