"""Exceptions of the project.

Every message is one sentence that ends with what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ssmamba.wording import words


class SSMambaError(Exception):
    """Base class of the errors that this project raises on purpose.

    The values of the text are given apart, so that a window can say it in another language:
    ``SlideError("There is no file {path}; check the path.", path=path)``.
    """

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(words(text, **values))


class InputError(SSMambaError):
    """Unusable input; commands exit with status 2."""


class SlideError(InputError):
    """A slide or image cannot be opened or read."""


class SlideReplaced(SlideError):
    """The file of an open slide was changed, or another one is in its place."""

    def __init__(self, path: object) -> None:
        text = words(
            "{path} was changed or replaced on the disk while it was open; open it again, or start "
            "the command again."
        )
        super().__init__(text, path=path)


class NoTissue(SlideError):
    """A slide has nothing that a model could be asked about."""

    def __init__(self, found: str, /, **values: object) -> None:
        """found: which slide, and what is on it."""
        self.found = words(found, **values)
        super().__init__(words("{found}; leave it out, or lower --least-tissue."), found=self.found)


class CheckpointError(InputError):
    """A model file is corrupt, of another kind, or does not fit."""


class RoiError(InputError):
    """A region is empty, off the slide, or unreadable."""


class ScaleNeeded(RoiError):
    """A region is too large to be given a class before the user has said what a window covers."""

    def __init__(self, text: str, /, suggested_px: float, **values: object) -> None:
        super().__init__(text, **values)
        self.suggested_px = suggested_px  # likely side of a window, level-0 pixels


class DataError(InputError):
    """A training folder, manifest or split cannot be used."""


class EngineError(SSMambaError):
    """The inference process failed."""


class EngineDied(EngineError):
    """The inference process ended while it had work."""


class DeviceError(EngineError):
    """The device cannot be used (no GPU, out of memory)."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for a near miss, else the list of known names."""
    options = list(known)
    near = get_close_matches(name, options, n=1)
    if near:
        return words(" (did you mean '{name}'?)", name=near[0])
    return words(" (known: {names})", names=", ".join(options))


def explain_failure(error: Exception) -> str:
    """One sentence for a person: our own errors speak for themselves."""
    if isinstance(error, SSMambaError):
        return str(error)
    if isinstance(error, MemoryError):
        return words(
            "There is not enough memory for this; choose a smaller region or close programs."
        )
    first = (str(error).strip() or "no message").splitlines()[0]
    return words(
        "The engine failed ({kind}: {first}); please report the details.",
        kind=type(error).__name__,
        first=first,
    )
