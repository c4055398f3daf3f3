"""The one reader of YAML: version 1.2 with its core schema, and of that no more than a settings file needs.

So `010` is ten and `1:30`, `yes` and `2001-01-01` are text, where YAML 1.1 takes them for 8, 90, true and a date. What
would be lost or guessed in silence is refused with its line: a key that stands twice, a merge key (1.2 has none), a
tag, a second document. An alias stands for what its anchor holds, unless that makes more of a file than it could hold.

Source: YAML 1.2.2, section 10.3.2 (core schema).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from cellprune.wording import quoted

_DEEPEST = 50  # collections within collections; settings have two
_LONGEST_NUMBER = 100  # characters; a seed of 64 bits has 20
_SMALL = 10_000  # values that aliases may make of any file, however short

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE, _FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
_INT, _OCTAL, _HEX = re.compile(r"[-+]?[0-9]+"), re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE, _NAN = re.compile(r"[-+]?\.(inf|Inf|INF)"), re.compile(r"\.(nan|NaN|NAN)")
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], float]], ...] = (
    (_INT, int),
    (_OCTAL, lambda text: int(text[2:], 8)),
    (_HEX, lambda text: int(text[2:], 16)),
    (_FLOAT, float),
    (_INFINITE, lambda text: float(text.replace(".", ""))),
    (_NAN, lambda text: float(text[1:])),
)
_BARE_TEXT_IN_1_1 = re.compile(r"0[0-9]*[89][0-9]*|[-+]?[0-9]+[eE][-+]?[0-9]+")  # numbers in 1.2 alone


class YamlError(ValueError):
    """Text that is no YAML of this kind; the message names the line.

    Attributes:
        is_syntax: whether it is no YAML at all, rather than YAML that is refused.
    """

    def __init__(self, message: str, *, is_syntax: bool = False) -> None:
        super().__init__(message)
        self.is_syntax = is_syntax


def read(text: str, *, keeps_1_1_text: bool = False) -> Any:
    """Give the plain values of one YAML document; keys are text.

    Args:
        text: the document; an empty one is None.
        keeps_1_1_text: for files that cellprune wrote as YAML 1.1, which left text such as 08 or 1e5 without quotes.
    Raises:
        YamlError: it is none, or holds what is refused; see the module.
    """
    try:
        node = _Nodes(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        raise YamlError(f"line {1 if mark is None else mark.line + 1}: {said}", is_syntax=True) from None
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a control character; an escape of no character
        raise YamlError(" ".join(str(error).split()), is_syntax=True) from None
    return None if node is None else _Values(max(_SMALL, len(text)), keeps_1_1_text).of(node)[0]


def write(content: Mapping[str, object]) -> str:
    """Give a mapping of plain values as YAML that versions 1.1 and 1.2 read alike, its keys in the order they come."""
    return yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Nodes(yaml.SafeLoader):
    """Composes nodes, and refuses tags and depth while it does, before recursion knows them."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise _refused(event, f"the tag {quoted(event.tag)} says of what kind a value is: remove it")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _refused(event, f"values within values, more than {_DEEPEST} deep: no setting is")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Values:
    """Turns nodes into plain values, each anchor's once, and counts what its aliases would be written out."""

    def __init__(self, most: int, keeps_1_1_text: bool) -> None:
        self._most = most
        self._keeps_1_1_text = keeps_1_1_text
        self._made: dict[yaml.Node, tuple[object, int]] = {}
        self._within: set[yaml.Node] = set()

    def of(self, node: yaml.Node) -> tuple[object, int]:
        """Give the value of a node, and how many values it holds with itself."""
        if node in self._made:
            return self._made[node]
        if node in self._within:
            raise _refused(node, "an alias that stands within its own anchor never ends")
        self._within.add(node)
        made = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._other(node)
        self._within.remove(node)
        if made[1] > self._most:
            raise _refused(node, f"aliases make more than {self._most:,} values of it: write out what is meant")
        self._made[node] = made
        return made

    def _mapping(self, node: yaml.MappingNode) -> tuple[dict[str, object], int]:
        values: dict[str, object] = {}
        lines: dict[str, int] = {}
        n_values = 1
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(key, "a key is no text: write name: value")
            if key.value == "<<" and key.style is None:
                raise _refused(key, "the merge key '<<' is no part of YAML 1.2: write the keys out")
            if key.value in values:
                raise _refused(key, f"the key {quoted(key.value)} stands there again, first in line {lines[key.value]}")
            lines[key.value] = key.start_mark.line + 1
            values[key.value], n_inner = self.of(value)
            n_values += n_inner
        return values, n_values

    def _other(self, node: yaml.Node) -> tuple[object, int]:
        if isinstance(node, yaml.ScalarNode):
            return (self._scalar(node) if node.style is None else node.value), 1
        inner = [self.of(value) for value in node.value]
        return [value for value, _ in inner], 1 + sum(n for _, n in inner)

    def _scalar(self, node: yaml.ScalarNode) -> bool | float | str | None:
        text = node.value
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
            return text.lower() == "true"
        convert = next((convert for form, convert in _NUMBERS if form.fullmatch(text)), None)
        if convert is None or (self._keeps_1_1_text and _BARE_TEXT_IN_1_1.fullmatch(text)):
            return text
        if len(text) > _LONGEST_NUMBER:
            raise _refused(node, f"a number of {len(text):,} characters: no setting takes one so long")
        return convert(text)


class _Dumper(yaml.SafeDumper):
    """Writes quotes around text that either version would take for something else."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(rf"^(?:{_INT.pattern}|{_OCTAL.pattern})$"), None)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?:{_FLOAT.pattern})$"), None)


def _refused(node: Any, what: str) -> YamlError:
    return YamlError(f"line {node.start_mark.line + 1}: {what}")
