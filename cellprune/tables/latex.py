"""table.tex: means with their intervals as a table for a paper; needs the package booktabs."""

from collections.abc import Sequence
from pathlib import Path

from cellprune.report.together.interval import interval
from cellprune.runs import atomic
from cellprune.tables.plan import much
from cellprune.tables.standing import Standing

_ESCAPED = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"
}  # fmt: skip


def write(path: Path, standings: Sequence[Standing], scores: Sequence[tuple[str, str]]) -> None:
    """Write one tabular for each model, target and score.

    Args:
        standings: of all arms, as `standing.standings` gives them.
        scores: name and label of each.
    """
    groups = dict.fromkeys((standing.arm.model, standing.arm.target) for standing in standings)
    of = {group: [s for s in standings if (s.arm.model, s.arm.target) == group] for group in groups}
    tables = [_table(group, own, score) for group, own in of.items() for score in scores]
    text = "% means over seeds, +- half of the 95 % interval (Student's t); needs \\usepackage{booktabs}\n"
    atomic.write_text(path, text + "\n".join(tables))


def _table(group: tuple[str, str], standings: Sequence[Standing], score: tuple[str, str]) -> str:
    name, label = score
    amounts = list(dict.fromkeys(s.arm.amount for s in standings if not s.arm.is_dense))
    rows = dict.fromkeys(s.arm.label for s in standings if not s.arm.is_dense)
    at = {(s.arm.label, s.arm.amount): s for s in standings}
    settings = standings[0].arm.settings
    said = ", ".join([settings.data.dataset, *group, label])
    lines = [
        f"% {said}",
        f"\\begin{{tabular}}{{l{'c' * max(1, len(amounts))}}}",
        "\\toprule",
        " & ".join([_escaped(label), *(_escaped(much(amount)) for amount in amounts)]) + r" \\",
        "\\midrule",
        *(_dense(s, name, len(amounts)) for s in standings if s.arm.is_dense),
        *(" & ".join([_escaped(row), *(_cell(at.get((row, a)), name) for a in amounts)]) + r" \\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _dense(standing: Standing, score: str, columns: int) -> str:
    cell = _cell(standing, score)
    name = standing.arm.label
    return f"{name} & \\multicolumn{{{columns}}}{{c}}{{{cell}}} \\\\" if columns > 1 else f"{name} & {cell} \\\\"


def _cell(standing: Standing | None, score: str) -> str:
    mean = standing.mean(score) if standing else None
    if standing is None or mean is None:
        return "--"
    limits = interval(standing.values(score))
    return f"${mean:.4f}$" if limits is None else f"${mean:.4f} \\pm {(limits[1] - limits[0]) / 2:.4f}$"


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in text.replace("\u00a0", " "))
