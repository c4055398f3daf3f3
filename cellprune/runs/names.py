"""The name of a run: what it was made of, then a hash of everything."""

import re

_LONGEST_PART = 40  # of any script, so that the whole stays below the 255 bytes of common file systems


def run_name(dataset: str, model: str, method: str, amount: str, seed: int, digest: str) -> str:
    """Name a run's folder after its settings.

    Args:
        dataset: a data set's name, or the path of a user's own folder; its last part counts.
        model: "unet", "smp:Unet/resnet18".
        method: "prospr"; "dense" where nothing is pruned.
        amount: how much of it goes or stays: "0.97" removed, "0.1-macs-kept".
        seed: of initialization, order and augmentation.
        digest: hexadecimal hash of all settings and of the data; the first eight digits count.

    Example:
        >>> run_name("PhC-C2DH-U373", "unet", "prospr", "0.97", 0, "a1b2c3d4e5f6")
        'PhC-C2DH-U373_unet_prospr-0.97_s0_a1b2c3d4'
    """
    last_part = re.split(r"[/\\]", dataset.rstrip("/\\"))[-1]
    pruning = f"{file_safe(method)}-{file_safe(amount)}"
    return f"{file_safe(last_part)}_{file_safe(model)}_{pruning}_s{seed}_{digest[:8]}"


def file_safe(text: str) -> str:
    """Give `text` with letters and digits of any script, "_", "." and inner "-" alone; "unnamed" if nothing is left."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")[:_LONGEST_PART].rstrip("-.") or "unnamed"
