"""A network of the user's own: what FILE.py:NAME, or a function given in Python, builds.

Its code runs only where a person names it. A model file says which network it is of, and never makes code run.
"""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from cellprune.config import own
from cellprune.errors import CellpruneError, WorkError
from cellprune.structure.standing_in import looking, require_values
from cellprune.wording import quoted, reason

Maker = Callable[..., nn.Module]
Output = Literal["maps", "classes"]
"""What comes out: one map for each class, of the image's size, or one number for each class."""

_ARGUMENTS = "(in_channels, classes)"
_PROBED = 2  # images: a network may take one alone for a special case


@dataclass(frozen=True)
class OwnNetwork:
    """The code of a network, named by a person.

    Attributes:
        name: FILE.py:NAME, or what a function is called.
        make: the function.
        source_sha256: content of the file; None of a function, whose file nobody named.
    """

    name: str
    make: Maker
    source_sha256: str | None = None

    @classmethod
    def of(cls, named: str | Maker, source_sha256: str | None = None) -> "OwnNetwork":
        """Take what a person named, and run its file.

        Args:
            named: FILE.py:NAME, or a function `(in_channels, classes)` that gives a network.
            source_sha256: what the file's content must be; None for any.
        Raises:
            CellpruneError: there is no such file or name, the file changed, or it is no such function.
        """
        if isinstance(named, str):
            _require_form(named)
            code, source_sha256 = own.read("network", named, made_of=source_sha256), own.sha256(named)
        else:
            code = named
        name = named if isinstance(named, str) else str(getattr(named, "__name__", type(named).__name__))
        if not callable(code) or isinstance(code, nn.Module):
            raise CellpruneError(
                f"network {own.short(name)!r} is {type(code).__name__}, which builds nothing: give a function "
                f"{_ARGUMENTS} that returns a torch.nn.Module"
            )
        try:
            inspect.signature(code).bind(in_channels=1, classes=2)
        except (TypeError, ValueError) as error:
            raise CellpruneError(
                f"network {own.short(name)!r} does not take the arguments {_ARGUMENTS} ({reason(error)}): give it "
                "these two, and defaults to all others"
            ) from None
        return cls(name, code, source_sha256)

    @property
    def short(self) -> str:
        """Its name without folders."""
        return own.short(self.name)

    def build(self, in_channels: int, classes: int) -> nn.Module:
        """Build it; what is random comes from the random state.

        Raises:
            CellpruneError: the code fails, or gives no network.
        """
        try:
            network = self.make(in_channels=in_channels, classes=classes)
        except CellpruneError:
            raise
        except (Exception, SystemExit) as error:  # its exit() would end the whole program without a word
            raise CellpruneError(
                f"network {self.short!r} cannot be built ({own.fault(self.name, error)}): mend its code"
            ) from error
        if not isinstance(network, nn.Module):
            raise CellpruneError(
                f"network {self.short!r} gives {type(network).__name__}: let it return a torch.nn.Module"
            )
        require_values(network)
        return network

    def again(self, in_channels: int, classes: int) -> nn.Module:
        """Build one more, and leave the random state as it was."""
        with _drawing_apart():
            return self.build(in_channels, classes)

    def require_the_same(self, in_channels: int, classes: int) -> None:
        """Refuse code that builds another network at each call, which no file of weights would fit.

        Raises:
            CellpruneError: names the first tensor that differs.
        """
        with _drawing_apart():
            state = torch.random.get_rng_state()
            first = self.build(in_channels, classes).state_dict()
            torch.random.set_rng_state(state)
            second = self.build(in_channels, classes).state_dict()
            third = self.build(in_channels, classes).state_dict()  # of another seed
        for other in (second, third):
            for key in [*first, *other]:
                one, two = (tuple(state[key].shape) if key in state else None for state in (first, other))
                if one != two:
                    said = " and ".join("absent" if shape is None else f"of shape {shape}" for shape in (one, two))
                    raise CellpruneError(
                        f"network {self.short!r} is another one at each call ({quoted(key)} is {said}): let it build "
                        "the same layers every time"
                    )
        if differing := [key for key, value in first.items() if not torch.equal(_bits(value), _bits(second[key]))]:
            raise CellpruneError(
                f"network {self.short!r} has other weights at each call, with the same seed ({quoted(differing[0])}): "
                "let it draw from torch's random generator alone"
            )

    def require_fit(self, network: nn.Module, image: tuple[int, int, int], classes: int, gives: Output) -> None:
        """Refuse a network that does not take such images, or does not give what is learned of them.

        Args:
            network: built; it is left as it was.
            image: channels, height and width.
            classes: how many numbers are learned of each pixel or image.
            gives: what they are learned of.
        Raises:
            CellpruneError: it fails, or gives something else.
            WorkError: it gives NaN or infinity.
        """
        images = torch.randn(_PROBED, *image, generator=torch.Generator().manual_seed(0))
        expected = (_PROBED, classes, *image[1:]) if gives == "maps" else (_PROBED, classes)
        given = tuple(images.shape)
        try:
            with looking(network):
                output = network(images)
        except CellpruneError:
            raise
        except Exception as error:
            raise CellpruneError(
                f"network {self.short!r}, given images of shape {given}, fails ({own.fault(self.name, error)}): "
                "mend its code"
            ) from error
        if not isinstance(output, Tensor):
            raise CellpruneError(
                f"network {self.short!r}, given images of shape {given}, gives {type(output).__name__}: let it return "
                "one tensor"
            )
        if tuple(output.shape) != expected:
            what = "one map for each class, as large as the image" if gives == "maps" else "one number for each class"
            raise CellpruneError(
                f"network {self.short!r}, given images of shape {given}, gives shape {tuple(output.shape)}: let it "
                f"return {expected}, {what}"
            )
        if not output.isfinite().all():
            raise WorkError(
                f"network {self.short!r}, given images of shape {given}, gives NaN or infinity before any training: "
                "mend its code"
            )


def code_for(written: Mapping[str, object], named: str | Maker | None) -> OwnNetwork:
    """Give the code of a network of the user's own; nothing is run unless a person named this very content.

    Args:
        written: the architecture, as the model file has it.
        named: what a person named; None where that is nothing.
    Raises:
        CellpruneError: it is not named, or wrongly, or its content changed; says which network it is.
    """
    if isinstance(named, str):
        _require_form(named)
        content = own.sha256(named)
        require_named(written, named, content)
        return OwnNetwork.of(named, content)
    if named is None:
        require_named(written, None, None)
    assert named is not None, "that is refused"
    return OwnNetwork.of(named)


def require_named(written: Mapping[str, object], named: str | None, content: str | None) -> None:
    """Refuse another network of the user's own than the one that is written.

    Args:
        written: the architecture, as the model file has it.
        named: FILE.py:NAME that a person gave; None where that is nothing.
        content: of that file, its hash (hex, sha256).
    Raises:
        CellpruneError: says which network it is, and how to name it.
    """
    name = str(written.get("name"))
    if named is None:
        raise CellpruneError(
            f"it is of {quoted(name)}, a network of your own, whose code no model file makes run: name it by --model "
            "FILE.py:NAME (in Python network=), or use the ONNX file that 'cellprune export' makes of it"
        )
    if named.rpartition(":")[2] != name.rpartition(":")[2]:
        raise CellpruneError(f"it is of the network {quoted(name)}, not of {quoted(named)}: name that one by --model")
    if content != written.get("source_sha256"):
        raise CellpruneError(
            f"the source has changed: it is of {quoted(name)}, of another content than {quoted(named)} has now: give "
            "the file as it was; the run folder keeps a copy, network.py"
        )


def _require_form(named: str) -> None:
    if not own.is_own(named):
        raise CellpruneError(f"--model {quoted(named)} is no network of your own: write FILE.py:NAME")


@contextmanager
def _drawing_apart() -> Iterator[None]:
    """Put back the random generators that a network's code may draw from."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)  # so that NaN equals itself
