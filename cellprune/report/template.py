"""From a template and plain values to one HTML page that holds all it shows, runs no script and asks no network."""

import base64
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from cellprune.report import formatting

_HERE = Path(__file__).parent
_FORMATS = (
    "count", "dataset", "difference", "duration", "file_size", "milliseconds", "p_value", "ratio", "score", "share",
)  # fmt: skip


def render(name: str, content: Mapping[str, object]) -> str:
    """Fill a template; every text is escaped.

    Args:
        name: of the template, "page.html.jinja".
        content: what it tells, by the names it has for it.
    Raises:
        jinja2.UndefinedError: a value is missing.
        TypeError, ValueError: a value is of a kind that cannot be shown.
    """
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return _environment().get_template(name).render(style=style, **content)


def source(svg: str) -> str:
    """A figure as the source of an <img>, where nothing in it can touch the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def inline(svg: str) -> Markup:
    """A figure as part of the page, so that its links work; it is one that we drew, whose text is escaped."""
    return Markup(svg[svg.index("<svg") :])


@cache
def _environment() -> jinja2.Environment:
    """Give the templates, each of which is compiled once for all pages of a process."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for kind in _FORMATS:
        environment.filters[kind] = getattr(formatting, kind)
        environment.globals[f"as_{kind}"] = getattr(formatting, kind)
    environment.filters["typed"] = _typed
    return environment


def _typed(text: str) -> Markup:
    """Escape a sentence and set what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
