"""What the numbers mean and do not mean, in plain sentences; what a user may type stands in backticks."""

from collections.abc import Mapping, Sequence
from typing import Any

from cellprune.report.formatting import count, file_size, milliseconds, ratio, share
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


def network(model: Mapping[str, Any]) -> str:
    """Name a network with the settings by which people tell networks apart.

    Args:
        model: the section of config.yaml; networks differ in the settings they have.
    """
    if "widths" in model:
        return f"{model['name']}, {_widths(model['widths'])}"
    told = [f"{key} {model[key]}" for key in ("width", "depth", "weights") if model.get(key) is not None]
    return ", ".join([model["name"], *told])


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
    what = {"params": "parameters", "macs": "multiply-adds"}[unit]
    return f"{share(float(kept))} of the {what} kept{', by channel' if by_channel else ''}"


def stands_in(control: Mapping[str, Any]) -> str:
    """Say what a small dense network stands for, and how near its cost comes.

    Args:
        control: the part of cost.json of that name.
    """
    unit = {"params": "parameters", "macs": "multiply-adds per image"}[control["unit"]]
    shape = {
        "narrow": "every level narrower by about the same factor",
        "flat": "the same number of channels at every level",
    }[control["shape"]]
    target, achieved = control["target"], control["achieved"]
    return (
        f"No mask was trained here. This is a dense network with {shape}, the largest one that costs no more than the "
        f"masks would leave. The masks leave {count(target)} {unit}; this network, {_widths(control['widths'])}, has "
        f"{count(achieved)}, {share(achieved / target)} of that. The whole network has "
        f"{_widths(control['whole']['widths'])}. Pruning is worth its cost only if a pruned network does better than "
        "this one."
    )


def _widths(widths: Sequence[int]) -> str:
    if len(set(widths)) == 1:
        return f"width {widths[0]} at every level"
    return f"widths {'-'.join(str(width) for width in widths)}"


def scope(split: Mapping[str, Any]) -> str:
    """Say what the scores were measured on, and how far they may be trusted beyond it.

    Args:
        split: the content of split.yaml.
    """
    parts = split["parts"]
    n_train, n_report = len(parts["train"]), len(parts["report"])
    entries = [entry for part in parts.values() for entry in part]
    sequences = sorted({entry["sequence"] for entry in entries})
    if any("name" in entry for entry in entries):
        return (
            f"Scored on {many(n_report, 'image')} that the network did not learn from; it learned from "
            f"{many(n_train, 'image')} of the folder {sequences[0]}. Hold-out: {split['how']}, split seed "
            f"{split['seed']}. {near_copies(split['how'], in_folder=True)}"
        )
    return (
        f"Scored on {many(n_report, 'frame')} that the network did not learn from; it learned from "
        f"{many(n_train, 'frame')}. All are frames of {many(len(sequences), 'recording')} "
        f"({', '.join(sequences)}). Hold-out: {split['how']}, split seed {split['seed']}. Truth policy "
        f"{split['policy']}: {_POLICIES.get(split['policy'], 'see the documentation')}. {near_copies(split['how'])}"
    ).rstrip()


def near_copies(how: str, *, in_folder: bool = False) -> str:
    """Say what the way of holding out means for images that are near copies of each other.

    Args:
        how: "random", "block" or "sequence".
        in_folder: whether they are of a plain folder, of which nobody knows what belongs to one recording.
    """
    return _FOLDER if in_folder else _SPLITS.get(how, "")


def gain(cost: Mapping[str, Any]) -> str:
    """Say what the mask buys and what it does not.

    Args:
        cost: the content of cost.json of a pruned run.
    """
    n_bytes, measured = cost["bytes"], cost["milliseconds"]
    times = n_bytes["dense_fp32"] / n_bytes["model_file"]
    size = "The mask buys a smaller file" if times > 1 else "At this ratio the mask does not even buy a smaller file"
    return (
        f"{size}: {file_size(n_bytes['model_file'])} instead of {file_size(n_bytes['dense_fp32'])}. It buys no speed: "
        f"a zero is multiplied like any other number, so here one image takes {milliseconds(measured.get('pruned'))} "
        f"pruned and {milliseconds(measured.get('dense'))} dense. A machine that skips zeros would do "
        f"{share(cost['macs']['masked'] / cost['macs']['dense'])} of the multiply-adds; an ordinary CPU or GPU does "
        "all of them."
    )


def paths(cost: Mapping[str, Any]) -> str:
    """Say how many of the kept weights can matter: those on a path from input to output."""
    direct, effective = cost["sparsity"]["direct"], cost["sparsity"]["effective"]
    size = " × ".join(map(str, cost["sparsity"]["input"]))
    return (
        f"{share((1 - effective) / (1 - direct))} of the kept weights lie on a path from the input to the output: the "
        f"direct sparsity is {ratio(direct)}, the effective one {ratio(effective)}, at an input of {size}."
    )


def reached(cost: Mapping[str, Any]) -> str:
    """Say what stays, beside what was to stay.

    Args:
        cost: the content of cost.json of a pruned run; where nothing was asked (given masks) there is no "budget".
    """
    parameters, budget = cost["parameters"], cost.get("budget")
    if budget is None:
        achieved = share(parameters["kept"] / parameters["prunable"])
        return f"{parameters['kept']:,} of {parameters['prunable']:,} prunable weights stay ({achieved})."
    unit = {"params": "parameters", "macs": "multiply-adds per image"}.get(budget["unit"], budget["unit"])
    as_asked = budget["kept"] == budget["allowed"]
    told = (
        f"{budget['kept']:,} of {budget['dense']:,} {unit} stay ({share(budget['achieved'])}, "
        f"{'as asked' if as_asked else 'asked: ' + share(budget['target'])})"
    )
    by_cost = budget["unit"] in ("params", "macs")
    return f"{told}; nothing that was removed would fit into the rest of the budget." if by_cost else f"{told}."


def deaths(names: Sequence[str]) -> str:
    """Say how many layers lost all their weights; the table of layers names them."""
    if not names:
        return "No layer lost all its weights."
    marked = "it is" if len(names) == 1 else "they are"
    return f"{many(len(names), 'layer')} lost all weights ({marked} marked below): only biases pass there."


def pairing(group: Mapping[str, Any]) -> list[str]:
    """Say what the differences between the runs of a group are, and which of them are less than they seem.

    Args:
        group: as `report.comparison.compare` gives it.
    """
    runs = {run["number"]: run for run in group["runs"]}
    told = [
        f"Run {run['number']} learned nothing: {run['nothing']}. A difference from it means nothing."
        for run in runs.values()
        if run["nothing"]
    ]
    for run in (run for run in runs.values() if run["against"] is not None):
        other, name = runs[run["against"]], f"Run {run['number']}"
        if run["seed"] != other["seed"]:
            told.append(
                f"{name} has seed {run['seed']}, but the reference has no run of this seed: the difference from run "
                f"{other['number']} is also one between seeds."
            )
        if run["sizes"] != other["sizes"]:
            told.append(f"{name} works at another size than run {other['number']}: only native scores are compared.")
        if run["n_epochs"] != other["n_epochs"]:
            told.append(
                f"{name} was trained for {many(run['n_epochs'], 'epoch')} in all, run {other['number']} for "
                f"{other['n_epochs']}."
            )
        found = run["differences"]["native"] or {"n_images": 0}
        n_images = max(run["n_images"]["native"], other["n_images"]["native"])
        if found["n_images"] < n_images:
            told.append(
                f"{name} shares {found['n_images']} of {many(n_images, 'held-out image')} with run "
                f"{other['number']}: only these are paired, and each run's own scores are of its own images."
            )
    if len({run["cost"]["machine"] for run in runs.values()}) > 1:
        told.append(
            "The times were measured on different machines, or with different numbers of threads: a network that is "
            "faster on one need not be faster on another."
        )
    return told


def seeds(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say what may be claimed over seeds.

    Args:
        rows: the part "seeds" of a group.
    """
    most = max((len(row["seeds"]) for row in rows), default=0)
    if most < 2:
        return (
            "No settings have two seeds in common with the reference, so there is no interval: another seed may change "
            "these differences by more than their size. The spread over images says nothing about that."
        )
    return (
        "The interval of a row is Student's t, 95 %, of its mean differences, one per seed, each between two runs of "
        "that seed. It is about other seeds on these images, not about other images. The intervals are not corrected "
        "for the number of rows."
    )
