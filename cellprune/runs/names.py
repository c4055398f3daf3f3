"""Names of files and folders from a person's words, for any file system; a run's: what it was made of, then a hash."""

import re

_LONGEST_PART = 40  # of any script, so that the whole stays below the 255 bytes of common file systems
_REFUSED = re.compile(r'[<>:"|?*/\\\x00-\x1f]')  # by Windows, within a name
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[1-9¹²³])(?=\.|\Z)", re.IGNORECASE)  # whatever its ending


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


def portable(name: str) -> str:
    """Give a name that every system can have, as near to `name` as can be; "unnamed" if nothing is left.

    Windows refuses some signs, a point or a space at the end, and the names of its devices.

    Example:
        >>> portable("well A"), portable("12:30 h"), portable("aux")
        ('well A', '12-30 h', 'aux_')
    """
    allowed = _REFUSED.sub("-", name).rstrip(". ") or "unnamed"
    return _DEVICE.sub(r"\g<0>_", allowed, count=1) if _DEVICE.match(allowed) else allowed
