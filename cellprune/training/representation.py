"""What a network makes of an image as one vector, whatever its shape: for learning without truth."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cellprune.structure.modes import evaluating

Hook = Callable[[nn.Module, object, Tensor], None]


class Representation(nn.Module):
    """A network seen by what some of its layers give, each averaged over the pixels.

    Args:
        network: that is seen; trained through this, it stays the same object.
        layers: names of the layers; `seen_by` finds them.
    """

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        super().__init__()
        self.network, self.layers = network, tuple(layers)

    def forward(self, images: Tensor) -> Tensor:
        """Give (N, size) of images (N, C, H, W)."""
        seen: dict[str, Tensor] = {}

        def keep(name: str) -> Hook:
            return lambda module, inputs, output: seen.__setitem__(name, output)

        handles = [self.network.get_submodule(name).register_forward_hook(keep(name)) for name in self.layers]
        try:
            self.network(images)
        finally:
            for handle in handles:
                handle.remove()
        return torch.cat([seen[name].flatten(2).mean(2) for name in self.layers], dim=1)


def seen_by(network: nn.Module, images: Tensor) -> tuple[list[str], str]:
    """Find the layers by which a network is seen, and its output layer, which learns nothing without truth.

    Args:
        images: (N, C, H, W), any values.
    Returns:
        The last layer that gives maps of each size, from the first to the last of them: all levels of a U-Net, its
        deepest among them. Of a network that classifies, its last maps alone. And the name of the output layer.
    """
    called: list[tuple[str, nn.Module, Tensor]] = []

    def keep(name: str) -> Hook:
        return lambda module, inputs, output: called.append((name, module, output))

    leaves = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(keep(name)) for name, module in leaves]
    try:
        with evaluating(network), torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    at = max(number for number, (_, module, _) in enumerate(called) if isinstance(module, nn.Conv2d | nn.Linear))
    output, classifies = called[at][0], isinstance(called[at][1], nn.Linear)
    maps = [(name, made.shape[2:]) for name, _, made in called[:at] if made.ndim == 4]
    last_of = {size: name for name, size in maps}
    return ([maps[-1][0]] if classifies else list(last_of.values())), output
