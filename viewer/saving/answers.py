"""Answers of the models as they are kept: with all that they depend on, but for no file's path.

An answer is shown again for the checkpoint with its sha256, on the slide whose session it is in, at
the scale that the slide's file has. Whether the region or the user's scale has changed since, its
``Reading`` tells, as for an answer of this run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ssmamba.engine.messages import ClassifyResult
from viewer.saving.packing import from_json, to_json
from viewer.state.results import Reading

ANSWER = "answer/"
KEPT_BYTES = 32 * 2**20  # of a slide's answers on disk; the oldest are dropped first
MEANING = 1  # of an answer's values; those of another are not shown


@dataclass(frozen=True)
class KeptAnswer:
    """A classification with the circumstances under which it holds."""

    result: ClassifyResult
    reading: Reading
    slide_mpp: float | None  # of the file; the user's own is in ``reading``
    meaning: int = MEANING

    @property
    def key(self) -> str:
        """One answer is kept for each region and checkpoint, the newest."""
        return f"{ANSWER}{self.result.roi_id}/{self.result.stamp.checkpoint_sha256[:16]}"


def answer_to_json(answer: KeptAnswer) -> object:
    return to_json(answer)


def answer_from_json(value: object) -> KeptAnswer:
    """Raises ValueError for what is no answer, or one of another meaning."""
    answer = from_json(KeptAnswer, value)
    if answer.meaning != MEANING:
        raise ValueError("an answer of another version")
    for packed in (answer.result.windows, answer.result.window_probabilities):
        _ = packed.array  # raises ValueError when the bytes do not fill it
    return answer


def too_many(live: Mapping[str, bytes], limit_bytes: int = KEPT_BYTES) -> list[str]:
    """Keys of the oldest answers, without which the others fit the limit."""
    sizes = {key: len(data) for key, data in live.items() if key.startswith(ANSWER)}
    excess = sum(sizes.values()) - limit_bytes
    dropped: list[str] = []
    for key, size in sizes.items():
        if excess <= 0:
            break
        dropped.append(key)
        excess -= size
    return dropped
