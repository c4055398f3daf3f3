"""The pages of the documentation and the code blocks in them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)


def name(page: Path) -> str:
    return str(page.relative_to(DOCS).with_suffix(""))


def blocks(page: Path, language: str) -> list[str]:
    """Give the page's fenced blocks of a language, without their indentation."""
    found = re.findall(rf"^ *```{re.escape(language)}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [textwrap.dedent(block) for block in found]


def commands(page: Path) -> Iterator[str]:
    """Give every call of cellprune in the page's shell blocks, one a line, without what redirects its output."""
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip().startswith("cellprune "):
                yield line.strip().split(" > ")[0]
