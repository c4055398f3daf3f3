"""What is told of a network in an engine: one line of the table, one point of the picture."""

from dataclasses import dataclass

from cellprune.bench.networks import Kind
from cellprune.lab.engine import Precision


@dataclass(frozen=True)
class Row:
    """A network in an engine.

    Attributes:
        network: its name.
        path: the run or file that was given.
        kind: what the run of it is: dense, a control (a small dense network, or other masks), or pruned; None where no
            run is among the networks.
        trained_as: the settings of the run, but for those of pruning and the seed; None likewise.
        milliseconds: of one image.
        peak_bytes: the most memory of a process that does nothing else; None where the system does not say it.
        bytes: of the run's model file, or of the file that was given.
        macs: multiply-adds of one image that are computed, zeros among them; None where the file does not say them.
        parameters: likewise.
        score: of the run, measured in float32 in torch; None where no run is among the networks.
        seg: likewise, of its cells; None also where they were not scored.
        comparable: whether its score is of the same images and the same truth as the first one's.
    """

    network: str
    path: str
    kind: Kind | None
    trained_as: str | None
    engine: str
    precision: Precision
    milliseconds: float
    peak_bytes: int | None
    bytes: int
    macs: int | None
    parameters: int | None
    score: float | None
    seg: float | None
    comparable: bool
