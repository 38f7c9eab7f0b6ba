"""How a failure is put to a person."""

from __future__ import annotations

from ssmamba.errors import SSMambaError


def explain_failure(error: Exception) -> str:
    """One sentence for a person: our own errors speak for themselves."""
    if isinstance(error, SSMambaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; choose a smaller region or close programs."
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"The engine failed ({type(error).__name__}: {first}); please report the details."
