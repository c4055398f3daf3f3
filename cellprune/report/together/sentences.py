"""What the differences between runs mean and do not mean, in plain sentences."""

from collections.abc import Sequence

from cellprune.report.together.group import Group, OverSeeds
from cellprune.wording import many


def pairing(group: Group) -> list[str]:
    """Say what the differences between the runs of a group are, and which of them are less than they seem."""
    runs = {run.number: run for run in group.runs}
    notes = [
        f"Run {run.number} learned nothing: {run.nothing}. A difference from it means nothing."
        for run in runs.values()
        if run.nothing
    ]
    for run in runs.values():
        if run.against is None:
            continue
        other, name = runs[run.against], f"Run {run.number}"
        if run.seed != other.seed:
            notes.append(
                f"{name} has seed {run.seed}, but the reference has no run of this seed: the difference from run "
                f"{other.number} is also one between seeds."
            )
        if run.sizes != other.sizes:
            notes.append(f"{name} works at another size than run {other.number}: only native scores are compared.")
        if run.n_epochs != other.n_epochs:
            notes.append(
                f"{name} was trained for {many(run.n_epochs, 'epoch')} in all, run {other.number} for {other.n_epochs}."
            )
        paired = run.difference("native")
        n_paired, n_images = (
            0 if paired is None else paired.n_images,
            max(run.n_images["native"], other.n_images["native"]),
        )
        if n_paired < n_images:
            notes.append(
                f"{name} shares {n_paired} of {many(n_images, 'held-out image')} with run {other.number}: only these "
                "are paired, and each run's own scores are of its own images."
            )
    if len({run.cost.machine for run in runs.values()}) > 1:
        notes.append(
            "The times were measured on different machines, or with different numbers of threads: a network that is "
            "faster on one need not be faster on another."
        )
    return notes


def methods(group: Group, *, of_cells: bool) -> str:
    """Say how the rows of methods are to be read.

    Args:
        of_cells: whether the task is about cells, scored or not.
    """
    said = f"{'These runs are not scored by cells. ' if of_cells else ''}The best method stands first."
    if any(row.has_cells for row in group.methods):
        said = (
            "Cells are those that `predict` would write, at native size. The method with the best SEG stands first. "
            "Of SEG, AP and IoU more is better; the others are errors as shares of the cells, so less is better."
        )
    folded = (
        "Each number is the mean over the seeds of a method, ± half of its Student's t interval, 95 %."
        if any(row.n_seeds > 1 for row in group.methods)
        else "Each method has one seed, so there is no interval: another seed may change each number."
    )
    return f"{said} {folded} A difference is method minus reference, between runs of one seed, on the images of both."


def seeds(rows: Sequence[OverSeeds]) -> str:
    """Say what may be claimed over seeds."""
    most = max((len(row.seeds) for row in rows), default=0)
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
