"""Whether the ratio is the method's merit: the pruned network beside its controls, in plain sentences."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cellprune.report.formatting import share
from cellprune.search.tell.answer import Answer


def merit(answer: Answer) -> str:
    """Say whether the pruned network beats its controls, and which controls there are not, and why; "" if not asked."""
    if answer.question.controls and answer.ratio is None:
        return "No control was trained: controls need a ratio that is shown to cost nothing, and none is shown."
    return " ".join(_compared(answer)) if answer.ratio is not None else ""


def _compared(answer: Answer) -> Iterator[str]:
    hopeless = [control.name for control in answer.controls if control.evidence.hopeless]
    judged = [control for control in answer.controls if not control.evidence.hopeless]
    better = [control.name for control in judged if control.pruned_is == "better"]
    alike = [control.name for control in judged if control.pruned_is != "better" and control.does_as_well]
    undecided = [control.name for control in judged if control.name not in (*better, *alike)]
    if hopeless:
        yield f"A training of {_listed(hopeless)} was hopeless, so nothing is decided about it."
    if alike:
        does = "does" if len(alike) == 1 else "do"
        yield (
            f"{_listed(alike)} {does} as well as the pruned network or better, so the method is not what made the "
            "ratio possible."
        )
    if undecided:
        yield f"Whether the pruned network is better than {_listed(undecided)} is undecided."
    if better:
        whom = _listed(better) if alike or undecided or hopeless else f"each of its controls, {_listed(better)}"
        yield f"The pruned network is better than {whom}."
    compared = {control.name for control in answer.controls}
    near = [f"{n.control} has {share(n.of_budget)}" for n in answer.networks if n.control in compared and n.of_budget]
    if near:
        yield f"{_listed(near)} of what the pruned network keeps: dense networks of whole channels come no nearer."
    lacking: dict[str, list[str]] = defaultdict(list)
    for name, why in answer.controls_missing.items():
        lacking[why].append(name)
    for why, names in lacking.items():
        yield f"There is no control {_listed(names)}: {why}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
