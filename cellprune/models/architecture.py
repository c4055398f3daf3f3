"""How a network is built, as a value: the model file has it; it can be had narrower, or with fewer channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import nn

from cellprune.config import own as code
from cellprune.config.model import Model
from cellprune.errors import CellpruneError
from cellprune.models import kept
from cellprune.models.building import build, maker_of
from cellprune.models.own import OwnNetwork, require_named
from cellprune.models.undrawn import Undrawn
from cellprune.structure.positions import Positions

Setting = str | int | None
_FROM_WIDTHS = ("width", "depth")  # settings that widths take the place of


@dataclass(frozen=True)
class Architecture:
    """How a network is built.

    Attributes:
        name: a row of the models' table, or FILE.py:NAME without folders.
        settings: the network's own, by name; those that widths take the place of are left out where widths are given.
        in_channels: channels of an image.
        classes: logits that come out, for each pixel or for each image.
        widths: channels of each level, where the settings do not say them.
        kept: what is left of the network that all this describes; None where it is whole.
        own: the code of a network of the user's own, which a person named; no file holds it.
    """

    name: str
    settings: Mapping[str, Setting]
    in_channels: int
    classes: int
    widths: tuple[int, ...] | None = None
    kept: Positions | None = None
    own: OwnNetwork | None = field(default=None, compare=False)

    @classmethod
    def of(cls, model: Model, *, in_channels: int, classes: int) -> Self:
        """Give the architecture that the settings of a run ask for, on data of so many channels and classes.

        Raises:
            CellpruneError: a network of the user's own whose file cannot be run, or changed since it was named.
        """
        own = OwnNetwork.of(model.name, model.source_sha256) if model.is_own else None
        written = {**model.model_dump(), "in_channels": in_channels, "classes": classes}
        return cls.read(written | {"name": code.short(model.name)}, own)

    @classmethod
    def read(cls, written: Mapping[str, Any], own: OwnNetwork | None = None) -> Self:
        """Give what `as_dict` wrote; values from anywhere are judged when the network is built.

        Args:
            written: the values.
            own: the code, where they are of a network of the user's own and a person named it.
        Raises:
            CellpruneError: it names no network, or a network of the user's own that `own` is not.
            LookupError: it does not say how many channels and classes there are.
            ValueError: what is kept is not said as it is written.
        """
        is_own = code.is_own(written.get("name"))
        if not is_own:
            maker_of(written)
        elif own is None:
            require_named(written, None, None)
        elif own.source_sha256 is not None:  # else a function, which the weights fit or not
            require_named(written, own.name, own.source_sha256)
        settings = dict(written)
        name, in_channels, classes = (settings.pop(key) for key in ("name", "in_channels", "classes"))
        widths, left = settings.pop("widths", None), settings.pop("kept", None)
        positions = None if left is None else kept.read(left)
        architecture = cls(name, settings, in_channels, classes, kept=positions, own=own if is_own else None)
        return architecture if widths is None else architecture.with_widths(widths)

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values, as the model file holds them."""
        data = {"in_channels": self.in_channels, "classes": self.classes}
        widths = {} if self.widths is None else {"widths": list(self.widths)}
        left = {} if self.kept is None else {"kept": kept.as_text(self.kept)}
        return {"name": self.name, **self.settings, **data, **widths, **left}

    @property
    def whole(self) -> Self:
        """The network that nothing is missing of."""
        return replace(self, kept=None)

    def with_widths(self, widths: Sequence[int]) -> Self:
        """Give the same network with other channels at each level.

        Raises:
            CellpruneError: it is the user's own, whose code alone knows its widths.
        """
        if self.own is not None:
            raise CellpruneError(f"the widths of {self.name} stand in its code: take another --model or --method")
        settings = {key: value for key, value in self.settings.items() if key not in _FROM_WIDTHS}
        return replace(self, settings=settings, widths=tuple(widths))

    def without(self, positions: Positions) -> Self:
        """Give what is left of this network where only these positions of it stay."""
        lost = positions if self.kept is None else self.kept.then(positions)
        return replace(self, kept=lost if lost.of or lost.passes or lost.counted else None)

    def build(self) -> nn.Module:
        """Build the network; what is random comes from torch's current random state.

        Raises:
            CellpruneError: a setting that the network does not have or that is out of range.
            ValueError, LookupError: what is kept is not of this network.
        """
        whole = build(self.whole.as_dict()) if self.own is None else self.own.build(self.in_channels, self.classes)
        return self.left_of(whole)

    def left_of(self, whole: nn.Module) -> nn.Module:
        """Copy a whole network without what is not kept; give it itself where all is.

        Raises:
            ValueError, LookupError: what is kept is not of this network.
        """
        return whole if self.kept is None else kept.apply(self.kept, whole)

    def shapes(self) -> nn.Module:
        """Build a network of shapes alone: no memory, no draws, no time, and no pretrained weights fetched.

        One of the user's own has values, too: its code may ask for some while it builds.
        """
        if self.own is not None:
            return self.left_of(self.own.again(self.in_channels, self.classes))
        settings = {key: value for key, value in self.settings.items() if key != "weights"}
        with torch.device("meta"), Undrawn():
            return replace(self, settings=settings).build()
