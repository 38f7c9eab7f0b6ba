"""A model's answer as others read it: in words, as a record, and beside a region in GeoJSON.

An answer never replaces what a person said of a region, and one that names no class
(``Trust.names_class``) brings none along: neither a name nor a probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssmamba.checkpoints.agreement import agreement
from ssmamba.checkpoints.card import Card, ClassInfo
from ssmamba.engine.messages import ClassifyResult
from ssmamba.reading.doubts import doubt_text
from ssmamba.rois.roi import MODEL_CLASS, Roi

MEMBER = "ssmamba_answers"  # of a feature's properties: a list of records, one for each model


@dataclass(frozen=True)
class Answer:
    """One model's answer for a region."""

    label: str  # of the model, unique beside the others'
    card: Card
    result: ClassifyResult

    @property
    def named(self) -> ClassInfo | None:
        """The class that may be named; None where there was nothing to classify."""
        result = self.result
        if not result.trust.names_class:
            return None
        known = {info.key: info for info in self.card.classes}
        return known[result.predicted]

    @property
    def confidence(self) -> float | None:
        """The probability of the named class, 0..1."""
        return None if self.named is None else self.result.probabilities[self.result.predicted]

    def agrees_with(self, user_class: str) -> bool | None:
        """Whether the named class is the person's; None where that cannot be said."""
        named = self.named
        return None if named is None else agreement(user_class, self.card.classes, named.key)


def answer_record(answer: Answer, user_class: str) -> dict[str, Any]:
    """The answer and what it rests on, as JSON; without a class its members are null or empty."""
    result, named = answer.result, answer.named
    return {
        "doubt": result.trust.doubt,
        "sure": result.trust.sure,
        "predicted": None if named is None else named.key,
        "predicted_name": None if named is None else named.name,
        "confidence": answer.confidence,
        "user_class": user_class or None,
        "agrees": answer.agrees_with(user_class),
        "reasons": list(result.trust.reasons),
        "windows": len(result.windows),
        "read_share": result.read_share,
        "left_out": dict(result.left_out),
        "probabilities": {} if named is None else result.probabilities,
    }


def in_words(answer: Answer, user_class: str = "") -> str:
    """The answer in one line, doubt first: "Not sure: Stroma, 51.2 %. The model … (9 windows)"."""
    result, trust = answer.result, answer.result.trust
    reasons = "".join(f". {reason.strip().rstrip('.')}" for reason in trust.reasons)
    windows = len(result.windows)
    facts = ["1 window" if windows == 1 else f"{windows} windows"]
    if result.read_share < 1:
        facts.append(f"{whole_percent(result.read_share)} of the region read")
    agrees = answer.agrees_with(user_class)
    if user_class:
        beside = {True: "as", False: "unlike", None: "beside"}[agrees]
        facts.append(f"{beside} the region's own class, {user_class}")
    return f"{headline(answer)}{reasons} ({', '.join(facts)})"


def headline(answer: Answer) -> str:
    """ "Stroma, 98.1 %", "Not sure: Stroma, 51.2 %", or "No tissue"."""
    doubt, named = doubt_text(answer.result.trust.doubt), answer.named
    if named is None:
        return doubt
    told = f"{named.name}, {answer.result.probabilities[named.key] * 100:.1f} %"
    return told if answer.result.trust.sure else f"{doubt}: {told}"


def whole_percent(share: float) -> str:
    """0.943 → "94 %"; 100 only for all, and 0 only for none."""
    rounded = round(share * 100)
    if 0 < share < 1:
        rounded = min(99, max(1, rounded))
    return f"{rounded} %"


def with_answers(roi: Roi, answers: Sequence[Answer]) -> Roi:
    """The region with the answers beside what it already says, for QuPath and for us.

    Each model's probabilities and share read become measurements, its headline a line of the
    metadata, its record an entry of ``MEMBER``; those of an earlier run of the same model go. The
    person's class and colour stay. Only a region that has no class of a person's takes that of the
    first answer that is sure; ``Roi.user_class`` still tells it from a person's.
    """
    user_class = roi.user_class
    labels = {answer.label for answer in answers}
    measured = {
        name: value
        for name, value in roi.measurements.items()
        if not any(name.startswith(f"{label}: ") for label in labels)
    }
    for answer in answers:
        measured |= _measurements(answer)
    told = {answer.label: headline(answer) for answer in answers}
    if not user_class:
        roi = _classed(_unclassed(roi), answers)
    properties = roi.extra.get("properties", {})
    before = properties.get(MEMBER)
    others = [e for e in before if _model_of(e) not in labels] if isinstance(before, list) else []
    records = [{"model": a.label, **answer_record(a, user_class)} for a in answers]
    return replace(
        roi,
        measurements=measured,
        metadata={**roi.metadata, **told},
        extra={**roi.extra, "properties": {**properties, MEMBER: [*others, *records]}},
    )


def _measurements(answer: Answer) -> dict[str, float]:
    result, label = answer.result, answer.label
    shares = {} if answer.named is None else result.probabilities
    return {
        **{f"{label}: {c.name}": shares[c.key] for c in answer.card.classes if c.key in shares},
        f"{label}: sure": float(result.trust.sure),
        f"{label}: share read": result.read_share,
    }


def _unclassed(roi: Roi) -> Roi:
    """The region without the class that a model gave it, and without that class's colour."""
    if not roi.class_name:
        return roi
    own_color = "color" in roi.extra.get("classification", {})  # beside the class's
    return roi.classified("", roi.color if own_color else None)


def _classed(roi: Roi, answers: Sequence[Answer]) -> Roi:
    """A region without a class, with that of the first answer that is sure."""
    info = next((a.named for a in answers if a.result.trust.sure), None)
    if info is None:
        return roi
    made = roi.classified(info.name, roi.color or info.color)
    if roi.color is not None:  # the region's own colour is a person's; the class has its own
        extra = {**made.extra, "classification": {"color": list(info.color)}}
        made = replace(made, extra=extra)
    return replace(made, metadata={**made.metadata, MODEL_CLASS: info.name})


def _model_of(entry: Any) -> Any:
    return entry.get("model") if isinstance(entry, dict) else None
