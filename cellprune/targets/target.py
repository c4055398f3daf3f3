"""What every kind of target is: one frozen value of functions, which the table `config.names.TARGETS` names."""

from collections.abc import Callable
from dataclasses import dataclass

from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Classes, Encoded, Extent, Instances, Labels, Maps
from cellprune.targets.pieces import ByPiece


@dataclass(frozen=True)
class Target:
    """A kind of target.

    Attributes:
        encode: (labels, number of classes, native pixels for one of the network's) -> what is learned, of the labels'
            size, so that thin things are drawn before anything is resized.
        decode: (maps of a network (maps, h, w), (height, width) to reach, decoder) -> cells at that size.
        classes: the same three -> (height, width) uint8, the class of every pixel, by which pixels are scored.
        by_piece: how the parts of a large image are decoded.
    """

    encode: Callable[[Labels, int, float], Encoded]
    decode: Callable[[Maps, Extent, Decoder], Instances]
    classes: Callable[[Maps, Extent, Decoder], Classes]
    by_piece: ByPiece
