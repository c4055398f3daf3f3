"""The network that was found: what it is, and what it costs beside the unpruned one."""

from cellprune.report.formatting import count, milliseconds, share
from cellprune.report.sentences import widths
from cellprune.search.tell.answer import Answer


def found(answer: Answer) -> str:
    """Name the network that was found, with its multiply-adds, parameters and time; "" where none is known."""
    ours, whole = answer.found, answer.unpruned
    if ours is None or whole is None:
        return ""
    pruning = answer.settings.pruning
    name = f"{pruning.method}, {widths(ours.widths)}" if ours.widths else pruning.label
    time = ""
    if ours.milliseconds and whole.milliseconds and answer.timed_on:
        time = (
            f" One image takes {milliseconds(ours.milliseconds)}, and {milliseconds(whole.milliseconds)} in the "
            f"unpruned network ({answer.timed_on.device}, threads: {answer.timed_on.threads})."
        )
    return (
        f"The network that was found: {name}. It has {_beside(ours.macs, whole.macs)} multiply-adds per image and "
        f"{_beside(ours.parameters, whole.parameters)} parameters.{time}"
    )


def _beside(ours: int, whole: int) -> str:
    return f"{count(ours)} of {count(whole)} ({share(ours / whole)})"
