"""`cellprune report`: one finished run's page again, or several runs, or several searches, side by side."""

import json as text
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli.page_name import refuse_taken
from cellprune.cli.terminal import say, tell
from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.report.together.group import Group


def report(
    *runs: Path,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    reference: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Set finished runs side by side on one page, or make the page of one run again.

    The page has one row per method with its scores of cells, differences image by image, curves, masks, cost, and the
    settings that differ. It needs only the runs' own files. Runs on other data, or scored by another truth policy, form
    groups of their own. Unfinished runs are left out and named.

    Examples:

        cellprune report runs/* -o comparison.html

        cellprune report runs/A runs/B --reference runs/A -o comparison.html

        cellprune report runs/A

        cellprune report searches/* -o searches.html

    Parameters
    ----------
    runs
        Folders of finished runs. For a single run its own page is made, in its folder or as -o says. Or folders of
        searches; their claims are corrected for the number of searches.
    output
        The page, an .html file. Only a page of the same kind may be there already; it is replaced.
    reference
        The run that the others are compared with; without it the first dense run of each group, else its first run.
    json
        Print the content of the page as one JSON object on standard output.
    """
    paths = [path for path in runs if output is None or path.resolve() != output.resolve()]  # the last page, in runs/*
    if not paths:
        raise CellpruneError("no run is named: give the folders of finished runs, such as runs/*")
    if any((path / name).exists() for path in paths for name in ("search.json", "journal.json")):
        _searches(paths, output, json)
    else:
        _runs(paths, output, reference, json)


def _runs(paths: Sequence[Path], output: Path | None, reference: Path | None, json: bool) -> None:
    """Set runs side by side, or make one run's page."""
    alone = len(paths) == 1 and reference is None
    if output is not None:
        refuse_taken(output, "run" if alone else "comparison")
    elif not alone:
        raise CellpruneError("several runs need a page of their own: name it, such as -o comparison.html")

    from cellprune.cli.progress import loading

    with loading():
        from cellprune.report import finished, page
        from cellprune.report.together import page as comparison_page
        from cellprune.report.together.comparison import compare
        from cellprune.runs.documents import plain
        from cellprune.runs.folder import Folder

    left_out = finished.unfinished(paths)
    if len(left_out) < len(paths):  # else the refusal names them
        paths = [path for path in paths if path not in left_out]
    if output is None or alone:
        groups = compare(finished.read(paths))
        page.write(Folder(paths[0]), output)
        written = output or Folder(paths[0]).file("report")
    else:
        groups = comparison_page.write(paths, output, reference=reference, left_out=left_out)
        written = output
    _name(left_out, "not finished: go on by 'cellprune train --resume'")
    if json:
        print(text.dumps({"page": str(written), "groups": plain(groups), "left_out": [str(path) for path in left_out]}))
    else:
        say(*_lines(written, groups))


def _searches(folders: Sequence[Path], output: Path | None, json: bool) -> None:
    """Set searches side by side."""
    if output is None:
        raise CellpruneError("searches need a page of their own: name it, such as -o searches.html")
    left_out = [path for path in folders if (path / "journal.json").exists() and not (path / "search.json").exists()]
    folders = [path for path in folders if path not in left_out]
    if not folders:
        raise CellpruneError(f"no search with a result: {', '.join(map(str, left_out))}: go on with it by --resume")
    for folder in folders:
        if not (folder / "search.json").exists():
            raise CellpruneError(f"{folder} is no search, as others here are: name searches alone, or runs alone")
    refuse_taken(output, "searches")

    from cellprune.report.formatting import p_value, ratio
    from cellprune.search.tell import table

    once = list({folder.resolve(): folder for folder in folders}.values())
    rows = table.write(output, once, left_out=left_out)
    _name(left_out, "without a result yet: go on with the search by --resume")
    if json:
        searches = [asdict(row) for row in rows]
        print(text.dumps({"page": str(output), "searches": searches, "left_out": [str(path) for path in left_out]}))
        return
    for row in rows:
        claim = f"{ratio(row.ratio)} of the {row.unit}" if row.ratio is not None else row.verdict
        holds = "holds" if row.holds else "does not hold"
        say(f"{row.folder}: {claim}, adjusted p {p_value(row.adjusted_p_value)}, {holds}")
    say(f"Look at: {output}")


def _name(left_out: Sequence[Path], why: str) -> None:
    for path in left_out:
        tell(f"left out: {path}, {why}")


def _lines(written: Path, groups: "Sequence[Group]") -> list[str]:
    """The headline of each run and its difference, and where the page is."""
    lines = []
    width = 6 + max(len(run.label) for group in groups for run in group.runs) if groups else 0
    for group in groups:
        score = group.score + (", native" if len(group.runs[0].sizes) > 1 else "")
        with_cells = any(run.cells for run in group.runs)
        seg_column = f"{'SEG':>12}" if with_cells else ""
        lines.append(f"{group.dataset:{width}}{seg_column}{score:>12}{'difference':>12}")
        for run in group.runs:
            value, difference = next(iter(run.scores.values()))["native"], run.difference("native")
            shown = f"{difference.mean:+.4f}" if difference else "" if run.against else "reference"
            named = f"  {run.number:<3}{run.label}"
            seg = f"{_number(run.cells['seg']) if run.cells else 'not scored':>12}" if with_cells else ""
            lines.append(f"{named:{width}}{seg}{_number(value):>12}{shown:>12}")
    return [*lines, f"Look at: {written}"]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
