"""What a claim is about, and what it is not about."""

from cellprune.report.sentences import near_copies
from cellprune.search.tell.answer import Answer


def scope(answer: Answer) -> str:
    """Say what the claim is about, and what it is not about; where nothing was shown, what was asked about."""
    about, claimed = f"{_about(answer)}. {_near_copies(answer)}", answer.claimed
    if claimed is None:
        return f"The question is about {about}Nothing is claimed.{_rounds(answer)}"
    alpha = answer.looks[claimed.look - 1].look.alpha
    return (
        f"The claim is about {about}Such a claim is false with a probability of {alpha:g} at most. A table of several "
        f"methods or units needs Holm's correction, which `cellprune report` makes.{_rounds(answer)}"
    )


def _about(answer: Answer) -> str:
    frames, data, folds = answer.frames, answer.settings.data, answer.question.cv
    if not frames.recordings:
        return (
            f"images such as the {frames.n_report} test images of {data.dataset}, which the search never looked at, "
            "and about networks that are trained like these. It is not about images from elsewhere"
        )
    how = f"{folds} folds, each frame held out once" if folds else "held out once"
    recordings = f"recording{'s' * (len(frames.recordings) != 1)} {', '.join(frames.recordings)}"
    return (
        f"frames of {recordings} of {data.dataset} ({frames.n_report} frames, {how}, split {data.split}) and about "
        "networks that are trained like these. It is not about other recordings"
    )


def _near_copies(answer: Answer) -> str:
    """Say how far frames of one recording tell of others, and what folds have to do with each other."""
    if not answer.frames.recordings:
        return ""
    folds = "Every fold chose on frames that other folds hold out; its networks and their seeds are fresh. "
    how = near_copies(answer.settings.data.split, in_folder=answer.frames.in_folder)
    return f"{how} {folds if answer.question.cv else ''}"


def _rounds(answer: Answer) -> str:
    """Say what a later test round adds to the error; "" in the first."""
    if answer.look == 1:
        return ""
    together = sum(look.look.alpha for look in answer.looks)
    return (
        f" This is test round {answer.look} on these {answer.words.images}, at an error of {answer.alpha:g}. With the "
        f"test rounds before it, some claim is false with a probability of {together:g} at most."
    )
