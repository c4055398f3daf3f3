"""Every network of segmentation-models-pytorch by name: `smp:unet/resnet18` is its Unet with a ResNet-18 as encoder.

Weights are random unless they are asked for by name; nothing is fetched otherwise. We change three things, none of
which moves a result that the library would give: any image size fits, a batch of one trains, and what an architecture
builds but never reads is taken out, so that a share of weights means weights that work.
"""

import warnings
from difflib import get_close_matches
from math import lcm
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError, unknown
from cellprune.machine.torchvision import ensure_torchvision
from cellprune.models.mirror import centre, mirrored
from cellprune.wording import reason

_SMALLEST_PX = {"pan": 128}  # its pyramid halves the deepest maps three times more
_SMALLEST_ELSE_PX = (
    64  # the deepest maps of an encoder that halves five times then have 2 x 2 pixels to take statistics of
)
_TIMM = "tu-"


def build(name: str, /, *, in_channels: int = 1, classes: int = 2, weights: str | None = None) -> "Fitted":
    """Build a network of segmentation-models-pytorch; what is random comes from torch's current random state.

    Args:
        name: "ARCHITECTURE/ENCODER" as the library spells them, in lower case: "unet/resnet18"; an encoder "tu-NAME" is
            timm's NAME.
        in_channels: channels of the image, 1 to 1024.
        classes: maps that come out, one logit per class and pixel, 1 to 1024.
        weights: None for random ones; "imagenet" fetches the encoder's pretrained weights, unless they were before.
    Raises:
        CellpruneError: no such architecture, encoder or weights (nearest named), a pair that does not fit together, or
            weights that cannot be fetched.
    """
    for key, value in (("in_channels", in_channels), ("classes", classes)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1024:
            raise CellpruneError(f"model.{key} is {value!r}, but must be a whole number from 1 to 1024")
    architecture, _, encoder = name.partition("/")
    _check(architecture, encoder, weights)
    import segmentation_models_pytorch as smp

    # a vision transformer is made for one image size unless told otherwise
    options: dict[str, Any] = {"dynamic_img_size": True} if architecture == "dpt" else {}
    pretrained = True if weights and encoder.startswith(_TIMM) else weights
    try:
        # on the CPU even where a model file is loaded, on the meta device: some encoders ask for values
        with torch.device("cpu"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = smp.create_model(architecture, encoder, pretrained, in_channels, classes, **options)
            fitted = Fitted(network, _SMALLEST_PX.get(architecture, _SMALLEST_ELSE_PX))
            _take_out_idle(fitted, in_channels)
    except Exception as error:  # library, hub and torch have no error in common
        if not weights:
            raise CellpruneError(f"smp:{name} cannot be built ({reason(error)}): take another encoder") from error
        build(name, in_channels=in_channels, classes=classes)  # which says so if it is not the weights
        raise CellpruneError(
            f"the {weights} weights of {encoder!r} cannot be fetched ({reason(error)}): connect this machine to the "
            "internet, or remove --model.weights"
        ) from error
    return fitted


class Fitted(nn.Module):
    """A network that takes any image size: mirrored to one that fits, and cut back."""

    def __init__(self, network: Any, least_px: int) -> None:
        super().__init__()
        self.network = network
        self.least_px = least_px
        for module in network.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _BatchNorm

    def forward(self, image: Tensor) -> Tensor:
        """Give one logit map per class, of the image's size: (N, in_channels, H, W) -> (N, classes, H, W)."""
        size = image.shape[-2:]
        return centre(self.levels(mirrored(image, [self.input_size(n) for n in size])), size)

    def levels(self, image: Tensor) -> Tensor:
        """Run the library's own network on a size that fits."""
        maps: Tensor = self.network(image)
        return maps

    def input_size(self, output_size: int) -> int:
        """Give the smallest size, in pixels along one axis, that fits and covers `output_size` pixels."""
        stride = lcm(self.network.encoder.output_stride, 32)  # decoders meet maps of half and of double size
        return stride * -(-max(output_size, self.least_px) // stride)


class _BatchNorm(nn.BatchNorm2d):
    """A batch norm that also trains on one image whose map is a single pixel, as after a global pooling.

    One value has no deviation, so torch refuses it; here the running statistics stand in, and stay as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x[:, 0].numel() == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


def _check(architecture: str, encoder: str, weights: str | None) -> None:
    ensure_torchvision()
    import segmentation_models_pytorch as smp
    import timm

    kinds = smp.MODEL_ARCHITECTURES_MAPPING
    if architecture not in kinds:
        raise CellpruneError(unknown("architecture", architecture, kinds, "model.name, smp:ARCHITECTURE/ENCODER"))
    if not encoder:
        raise CellpruneError(f"'smp:{architecture}' names no encoder: write smp:{architecture}/resnet34 or another")
    own = smp.encoders.encoders
    if encoder.startswith(_TIMM):
        inner = encoder.removeprefix(_TIMM)
        known = timm.list_models()
        if inner.split(".")[0] not in known:
            close = [_TIMM + n for n in get_close_matches(inner, known, n=2)]
            guess = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
            raise CellpruneError(f"no encoder {encoder!r}.\n{guess}Known: every NAME of timm.list_models() as tu-NAME.")
        pretrained = ["imagenet"] if timm.is_model_pretrained(inner) else []
    else:
        if encoder not in own:
            raise CellpruneError(unknown("encoder", encoder, own, "model.name, smp:ARCHITECTURE/ENCODER"))
        pretrained = [*own[encoder]["pretrained_settings"]]
    if weights is not None and weights not in pretrained:
        raise CellpruneError(unknown(f"weights of encoder {encoder!r} called", weights, pretrained, "model.weights"))


def _take_out_idle(fitted: Fitted, in_channels: int) -> None:
    """Take out the layers that the architecture never calls; fix the weights of those whose output it throws away.

    PSPNet reads three of its encoder's five stages: most of the weights would be there to be pruned for nothing.
    """
    called: set[nn.Module] = set()
    hooks = [m.register_forward_hook(lambda module, *_: called.add(module)) for m in fitted.modules()]
    size = fitted.input_size(1)
    with torch.enable_grad():
        maps = fitted.eval()(torch.zeros(1, in_channels, size, size))
    for hook in hooks:
        hook.remove()
    parameters = dict(fitted.named_parameters())
    gradients = torch.autograd.grad(maps.sum(), list(parameters.values()), allow_unused=True)
    idle = {id(p) for p, gradient in zip(parameters.values(), gradients, strict=True) if gradient is None}
    for name, module in list(fitted.named_modules()):
        own = list(module.parameters(recurse=False))
        if own and module not in called and all(id(p) in idle for p in own):
            fitted.set_submodule(name, nn.Identity())
        for parameter in own:
            parameter.requires_grad_(id(parameter) not in idle)
    fitted.train()  # some of timm's encoders are made in evaluation mode
