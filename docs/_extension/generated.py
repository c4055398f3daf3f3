"""Directives that ask the code itself, so that the reference cannot go stale.

```{command} data fetch```     a command's usage, text and options, from the command line
```{settings} data```          a section's settings, from the schema; without a name, those outside any section
```{methods}```                the pages of all pruning methods, from the registry; a missing page is a warning
```{method-options} prospr```  a method's options with their defaults
"""

import json
import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from docutils import nodes
from pydantic import BaseModel
from sphinx.util.docutils import SphinxDirective

from cellprune.cli.main import app as cellprune
from cellprune.config import names
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Runtime, Settings
from cellprune.pruning.method import Method


class Generated(SphinxDirective):
    """A directive whose content is Markdown that `text` writes."""

    optional_arguments = 1
    final_argument_whitespace = True

    def text(self, name: str) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.text(" ".join(self.arguments)), allow_section_headings=True)


class Command(Generated):
    def text(self, name: str) -> str:
        # the whole at once, because a command alone does not know what it has from the program
        parts = re.split(r"^#+ (.+)$", cellprune.generate_docs(), flags=re.M)
        return dict(zip(parts[1::2], parts[2::2], strict=True))[f"cellprune {name}"]


class SettingsTable(Generated):
    def text(self, name: str) -> str:
        if name == "runtime":
            section, prefix = Runtime, ""
        else:
            section, prefix = (Settings.model_fields[name].annotation, f"{name}.") if name else (Settings, "")
        fields = {key: field for key, field in section.model_fields.items() if not _is_section(field.annotation)}
        rows = [
            (
                f"`{prefix}{key}`",
                _values(field),
                f"`{_shown(field.get_default(call_default_factory=True))}`",
                field.description or "",
            )
            for key, field in fields.items()
        ]
        return _table(("setting", "values", "default", "meaning"), rows)


class Methods(Generated):
    def text(self, name: str) -> str:
        pages = "\n".join(f"/methods/{method}" for method in names.methods(name))
        return f"```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```"


class MethodOptions(Generated):
    def text(self, name: str) -> str:
        method = names.resolve("pruning method", name)
        defaults = method.defaults() if isinstance(method, Method) else _keywords(method)
        settings = Pruning.model_fields
        rows = [
            (
                f"`{key}`",
                f"`{_shown(value)}`",
                settings[key].description if key in settings else "only in `cellprune.prune`",
            )
            for key, value in defaults.items()
        ]
        return _table(("option", "default", "meaning"), rows) if rows else "It takes no options of its own."


def _keywords(stages: Callable[..., Any]) -> dict[str, Any]:
    return {p.name: p.default for p in signature(stages).parameters.values() if p.kind is p.KEYWORD_ONLY}


def setup(app: Any) -> dict[str, bool]:
    for name, directive in (
        ("command", Command),
        ("settings", SettingsTable),
        ("methods", Methods),
        ("method-options", MethodOptions),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _values(field: Any) -> str:
    """Say which values a setting takes: its choices, else its type and limits."""
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = {
        name: getattr(part, name) for part in field.metadata for name in ("gt", "ge", "lt", "le") if hasattr(part, name)
    }
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return ", ".join([_type(field.annotation), *(f"{signs[name]}\u00a0{limit}" for name, limit in limits.items())])


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:  # the limits of each element of a list
        return _type(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    words = {bool: "yes or no", int: "whole number", float: "number", str: "text", type(None): "none"}
    inner = [_type(part) for part in get_args(annotation) if part is not Ellipsis]
    if get_origin(annotation) is tuple:
        return f"list of {inner[0]}s" if Ellipsis in get_args(annotation) else f"{len(inner)} {inner[0]}s"
    return " or ".join(inner) if inner else words.get(annotation, annotation.__name__.lower())


def _shown(default: Any) -> str:
    """Write a default as a configuration file would."""
    return str(default) if isinstance(default, str | Path) else json.dumps(default)


def _table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
