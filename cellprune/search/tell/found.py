"""The network that was found: what it is, and what it costs beside the unpruned one."""

from cellprune.report.formatting import count, milliseconds, share
from cellprune.report.sentences import widths
from cellprune.search.tell.answer import Answer, Network
from cellprune.search.tell.progress import where_timed


def found(answer: Answer) -> str:
    """Name the network that was found, with its multiply-adds, parameters and time; "" where none is known."""
    ours, whole = answer.found, answer.unpruned
    if ours is None or whole is None:
        return ""
    pruning = answer.settings.pruning
    name = f"{pruning.method}, {widths(ours.widths)}" if ours.widths else pruning.label
    return (
        f"The network that was found: {name}. It has {_beside(ours.macs, whole.macs)} multiply-adds per image and "
        f"{_beside(ours.parameters, whole.parameters)} parameters.{_time(answer, ours, whole)}"
    )


def _time(answer: Answer, ours: Network, whole: Network) -> str:
    """Say what an image takes in both networks as wholes, and by the sum of their layers where that decided."""
    said, on, layers = "", answer.timed_on, answer.timed_in
    if ours.milliseconds and whole.milliseconds and on:
        engine = f"{on.engine} {on.version}, " if layers else ""
        said = (
            f" One image takes {milliseconds(ours.milliseconds)}, and {milliseconds(whole.milliseconds)} in the "
            f"{answer.words.reference} network ({share(ours.time_ratio)}; {engine}{on.device}, threads: {on.threads})."
        )
    if ours.layers_ms and whole.layers_ms and layers:
        said += (
            f" The search decides by the sum of its layers: {milliseconds(ours.layers_ms)} of "
            f"{milliseconds(whole.layers_ms)} ({share(ours.layers_ratio)}; {where_timed(layers)})."
        )
    return said


def _beside(ours: int, whole: int) -> str:
    return f"{count(ours)} of {count(whole)} ({share(ours / whole)})"
