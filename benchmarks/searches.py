"""Searches for the highest ratio as one table and one picture, for docs/results/searches.md, from what is kept of each.

    python benchmarks/searches.py docs/measurements/searches/* --picture docs/pictures/searches.svg

Each folder holds the search.json of a search; `cellprune report` makes a page of the same folders.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from cellprune.report.formatting import difference, ratio
from cellprune.search.opening import RESULT
from cellprune.search.tell import document
from cellprune.search.tell.answer import Answer, Claimed, Evidence, Limits, Probed
from cellprune.search.tell.forest import forest
from cellprune.search.tell.rows import rows
from cellprune.wording import many


def main() -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="of searches")
    parser.add_argument("--picture", type=Path, help="every test with its limits, as SVG")
    arguments = parser.parse_args()
    print("\n".join(table(document.read(folder / RESULT) for folder in arguments.folders)))
    if arguments.picture:
        arguments.picture.write_text(forest(rows(arguments.folders)), encoding="utf-8")


def table(answers: Iterable[Answer]) -> list[str]:
    """Give the rows of a Markdown table: of each search its earlier test rounds, what it saw, and what it tested."""
    lines = ["| set, method | removed | judged on | mean difference | limits | verdict |", "|---|---|---|---|---|---|"]
    for answer in answers:
        settings, unit = answer.settings, answer.words.unit
        name = f"{settings.data.dataset}, {settings.pruning.method}{f', {unit}' * (unit != 'weights')}"
        last = f" (test round {answer.look})" * (answer.look > 1)
        tests = zip(answer.confirmation, answer.looks[-1].tested, strict=True)
        judged = [
            *(
                _test(test, f"test round {n}", n, answer.claimed)
                for n, look in enumerate(answer.looks[:-1], 1)
                for test in look.tested
            ),
            *map(_probed, answer.search),
            *(_test(test, f"{_on(in_full.evidence)}{last}", answer.look, answer.claimed) for in_full, test in tests),
        ]
        lines += [f"| {'' if row else name} | {cells} |" for row, cells in enumerate(judged)]
    return lines


def _probed(probed: Probed) -> str:
    mean = probed.evidence.hopeless or difference(probed.mean)
    verdict = "passes the screen" if probed.passes else "does not pass the screen"
    return f"{ratio(probed.ratio)} | {_on(probed.evidence)} (search) | {mean} | | {verdict}"


def _test(test: Limits, judged_on: str, look: int, claimed: Claimed | None) -> str:
    bold = "**" if claimed == Claimed(test.ratio, look) else ""
    mean, lower, upper = (difference(value) for value in (test.mean, test.lower, test.upper))
    return f"{ratio(test.ratio)} | {judged_on} | {mean} | {lower} to {upper} | {bold}{test.verdict}{bold}"


def _on(evidence: Evidence) -> str:
    return f"{evidence.n_frames} frames, {many(evidence.n_seeds, 'seed')}"


if __name__ == "__main__":
    main()
