"""Answers of the models as they are kept: with all that they depend on, but for no file's path.

An answer is shown again for the checkpoint with its sha256, on the slide whose session it is in, at
the scale that the slide's file has. Whether the region or the user's scale has changed since, its
``Reading`` tells, as for an answer of this run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssmamba.engine.messages import ClassifyResult, SlideAnswer
from ssmamba.reading.values import PackedArray
from viewer.saving.packing import from_json, to_json
from viewer.state.results import Reading
from viewer.state.slide_answer import MOST_PIXELS

ANSWER = "answer/"
SLIDE_ANSWER = ANSWER + "slide"
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


@dataclass(frozen=True)
class KeptSlideAnswer:
    """What a slide model said of the whole slide, with the circumstances under which it holds.

    One is kept for each slide: the one that was shown last.
    """

    answer: SlideAnswer
    mpp: float | None  # of the slide when it was asked for, µm/px; the user's own, if there was one
    slide_mpp: float | None  # of the file
    meaning: int = MEANING


def answer_to_json(answer: KeptAnswer | KeptSlideAnswer) -> object:
    return to_json(answer)


def answer_from_json(value: object) -> KeptAnswer:
    """Raises ValueError for what is no answer, or one of another meaning."""
    answer = from_json(KeptAnswer, value)
    if answer.meaning != MEANING:
        raise ValueError("an answer of another version")
    for packed in (answer.result.windows, answer.result.window_probabilities):
        _array(packed)
    return answer


def slide_answer_from_json(value: object) -> KeptSlideAnswer:
    """Raises ValueError for what is no slide's answer, or one that cannot be laid on a slide."""
    kept = from_json(KeptSlideAnswer, value)
    if kept.meaning != MEANING:
        raise ValueError("an answer of another version")
    answer = kept.answer
    values, parts, base = (_array(p) for p in (answer.values, answer.parts, answer.base))
    windows, groups, tokens = (_array(p) for p in (answer.windows, answer.groups, answer.tokens))
    (count, three), (outputs,) = windows.shape, values.shape
    fits = (
        count > 0
        and three == 3
        and outputs > 0
        and groups.shape == (count,)
        and parts.shape == (count, outputs)
        and base.shape == (outputs,)
        and tokens.ndim == 3
        and len(tokens) == count
        and tokens.size > 0
        and (values.dtype, windows.dtype, parts.dtype) == (np.float64,) * 3
        and (groups.dtype, tokens.dtype) == (np.int32, np.uint8)
        and bool(np.isfinite(windows).all() and np.isfinite(parts).all())
        and bool(np.isfinite(values).all() and windows[:, 2].min() > 0)
        and set(groups.tolist()) == set(range(int(groups.max()) + 1))
        and int(tokens.min()) > 0
    )
    if not fits or np.prod(np.ptp(windows[:, :2], axis=0) / windows[0, 2] + 1) > MOST_PIXELS:
        raise ValueError("what is kept of a slide's answer cannot be laid on a slide")
    return kept


def _array(packed: PackedArray) -> np.ndarray:
    """Raises ValueError when the bytes do not fill it, or for numbers of an unknown kind."""
    try:
        return packed.array
    except TypeError as error:
        raise ValueError(str(error)) from error


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
