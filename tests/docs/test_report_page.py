"""The page that explains a run's pictures names each error with the look that it has there."""

import re

import pages

from cellprune.report.marked.looks import LOOKS

TABLE = re.findall(
    r"^\| (\w+) \| ([^|]+) \| (\w+) \| ([^|:]+)", (pages.DOCS / "how-to/read-report.md").read_text(), re.M
)
LINES = {"whole": None, "dotted": (4, 5), "dashed": (9, 4), "long dashes": (14, 4)}


def test_every_error_is_explained_as_it_is_drawn() -> None:
    told = [(error, line.partition(",")[0], mark, meaning.strip()) for error, line, mark, meaning in TABLE[1:]]
    assert [row[0] for row in told] == list(LOOKS), "in their order, too"
    for error, line, mark, meaning in told:
        look = LOOKS[error]
        assert (LINES[line], mark, meaning) == (look.dash_px, look.shape, look.meaning)
