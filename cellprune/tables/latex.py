"""table.tex: means with their intervals as a table for a paper; needs the package booktabs."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from cellprune.report.published import CITED
from cellprune.report.together.interval import interval
from cellprune.runs import atomic
from cellprune.tables.beside import LABELS, Compared, Comparison
from cellprune.tables.plan import much
from cellprune.tables.standing import Standing

_ESCAPED = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"
}  # fmt: skip


def write(
    path: Path,
    standings: Sequence[Standing],
    scores: Sequence[tuple[str, str]],
    comparison: Comparison | None = None,
) -> None:
    """Write one tabular for each group of arms and score, after that of a published table.

    Args:
        standings: of all arms, as `standing.standings` gives them.
        scores: name and label of each.
        comparison: with a published table.
    """
    groups = dict.fromkeys(standing.arm.group for standing in standings)
    of = {group: [s for s in standings if s.arm.group == group] for group in groups}
    tables = [_table(group, own, score) for group, own in of.items() for score in scores]
    text = "% means over seeds, +- half of the 95 % interval (Student's t); needs \\usepackage{booktabs}\n"
    atomic.write_text(path, text + "\n".join([*([] if comparison is None else [_beside(comparison)]), *tables]))


def _beside(comparison: Comparison) -> str:
    """Give the published table: in each place ours, and the published number in brackets."""
    columns = comparison.columns
    lines = [
        f"% {comparison.title}: {LABELS[comparison.compared[0].slot.quantity]}; in brackets what {CITED}, printed",
        f"\\begin{{tabular}}{{l{'c' * len(columns)}}}",
        "\\toprule",
        " & ".join(["", *map(_escaped, columns)]) + r" \\",
        "\\midrule",
        *(
            " & ".join([_escaped(row), *(_place(comparison.at(row, column)) for column in columns)]) + r" \\"
            for row in comparison.rows
        ),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _place(one: Compared | None) -> str:
    if one is None or (one.mean is None and one.slot.value is None):
        return "--"
    published = "" if one.slot.value is None else f" ({one.slot.value:.4f})"
    return f"{_mean(list(one.of_seeds.values()))}{published}"


def _table(group: tuple[str, ...], standings: Sequence[Standing], score: tuple[str, str]) -> str:
    name, label = score
    amounts = list(dict.fromkeys(s.arm.amount for s in standings if not s.arm.is_dense))
    rows = dict.fromkeys(s.arm.label for s in standings if not s.arm.is_dense)
    at = {(s.arm.label, s.arm.amount): s for s in standings}
    said = ", ".join([*group, label])
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
    return _mean(standing.values(score) if standing else [])


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "--"
    limits = interval(values)
    return f"${mean(values):.4f}$" if limits is None else f"${mean(values):.4f} \\pm {(limits[1] - limits[0]) / 2:.4f}$"


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in text.replace("\u00a0", " "))
