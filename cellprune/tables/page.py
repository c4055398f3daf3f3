"""table.html: a sweep on one page; every row and every dot leads to its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.report.files import needed
from cellprune.report.published import CITED, Curve, curve
from cellprune.report.template import inline, render
from cellprune.report.together.interval import CONFIDENCE
from cellprune.runs import atomic
from cellprune.tables import figures
from cellprune.tables.beside import LABELS, Comparison
from cellprune.tables.folder import Failure
from cellprune.tables.links import to_report
from cellprune.tables.plan import Arm, Plan
from cellprune.tables.result import Result
from cellprune.tables.standing import Standing

HEADLINES = {  # scores that a page tells, and what they are called; every other stands in table.csv
    "iou_image_mean": "IoU",
    "accuracy": "accuracy",
    "seg": "SEG",
    "ap_50": "AP50",
    "merged_share": "merged",
}
_DRAWN = ("iou_image_mean", "accuracy", "seg")


@dataclass(frozen=True)
class Content:
    """All that a page tells.

    Attributes:
        failures: name of a trial -> why it has no run.
        missing: names of the trials that have no run yet.
        command: of the user, as it was typed.
        comparison: with the published table that the plan is of; None of any other sweep.
    """

    plan: Plan
    results: Sequence[Result]
    standings: Sequence[Standing]
    failures: Mapping[str, Failure]
    missing: Sequence[str]
    command: Sequence[str]
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Spent:
    """The work in the runs of a method."""

    method: str
    n_runs: int
    seconds: float
    scoring_s: float


def write(path: Path, content: Content) -> None:
    """Write the page; what is there is replaced."""
    groups = dict.fromkeys(arm.group for arm in content.plan.arms)
    with needed("these runs"):
        html = render(
            "sweep.html.jinja",
            {
                "content": content,
                "confidence": CONFIDENCE,
                "dataset": content.plan.arms[0].settings.data.dataset,
                "cited": CITED,
                "labels": LABELS,
                "scopes": list(dict.fromkeys(result.scope for result in content.results)),
                "groups": [_group(group, content, path.parent) for group in groups],
                "spent": spent(content.results),
                "machines": list(dict.fromkeys(result.cost.machine for result in content.results)),
                "report_of": lambda result: to_report(result.folder, path.parent),
            },
        )
    atomic.write_text(path, html)


def scores_of(results: Sequence[Result]) -> list[tuple[str, str]]:
    """Give name and label of the headline scores that these runs have."""
    there = {score.name for result in results for score in result.scores if score.value is not None}
    return [(name, label) for name, label in HEADLINES.items() if name in there]


def spent(results: Sequence[Result]) -> list[Spent]:
    """Sum what the runs of each method took, whenever and for whomever they were made."""
    of: dict[str, list[Result]] = {}
    for result in results:
        of.setdefault(result.trial.arm.label, []).append(result)
    return [
        Spent(name, len(own), sum(r.seconds for r in own), sum(r.times.get("scoring_s", 0.0) for r in own))
        for name, own in of.items()
    ]


def _group(group: tuple[str, ...], content: Content, folder: Path) -> Mapping[str, object]:
    """What the page tells of a group of arms."""
    own = [s for s in content.standings if s.arm.group == group]
    results = [result for standing in own for result in standing.results]
    scores = scores_of(results)
    published = _published(own)
    return {
        "title": ", ".join(content.plan.apart(group)),
        "standings": _ordered(own),
        "scores": scores,
        "figures": [
            (label, inline(figures.over_costs(own, name, label, folder, published if name != "seg" else ())))
            for name, label in scores
            if name in _DRAWN
        ],
        "paired": list(dict.fromkeys(name for result in results for name in result.paired)),
        "published": published,
    }


def _ordered(standings: Sequence[Standing]) -> list[Standing]:
    """Put arms of one amount beside each other, the best first, those without a run last."""
    amounts = list(dict.fromkeys(s.arm.amount for s in standings))
    return sorted(standings, key=lambda s: (amounts.index(s.arm.amount), not s.results, s.rank.place if s.rank else 0))


def _published(standings: Sequence[Standing]) -> list[Curve]:
    """Give the published curves of the methods, where the paper has the data set and network by single weights."""

    def of(arm: Arm) -> Curve | None:
        pruning = arm.settings.pruning
        if arm.control or "=" in arm.amount or pruning.granularity == "channel":
            return None
        return curve(arm.settings.data.dataset, arm.model, arm.method)

    curves = {found.method: found for s in standings if not s.arm.is_dense and (found := of(s.arm))}
    return list(curves.values())
