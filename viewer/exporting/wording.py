"""Answers and provenance in words, for paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viewer.exporting.facts import Facts, RegionAnswer, RegionFacts, models_of
from viewer.text import formats
from viewer.text.answers import NO_BREAK, agreement_text, basis, left_out_line, said
from viewer.text.stamps import RESEARCH_ONLY, sentence
from viewer.text.tr import decimal, tr


@dataclass(frozen=True)
class Words:
    """One answer: the headline stands first, the rest is smaller."""

    headline: str  # the class of a sure answer, else the doubt
    second: str  # the class of an answer that is not sure, where one may be named
    agreement: str  # with the user's own class
    source: str  # the model, and what its answer rests on
    details: tuple[str, ...]  # sentences: reasons of the doubt, what was left out or is outdated


def in_words(answer: RegionAnswer, region: RegionFacts) -> Words:
    """What stands beside the slide, in the same order: doubt first."""
    result = answer.result
    told = said(answer.answer.card, result, region.roi.user_class)
    named = f"{told.name}, {told.share}".replace(" %", f"{NO_BREAK}%") if told.name else ""
    details = [sentence(reason) for reason in result.trust.reasons] if told.doubt else []
    if result.left_out:
        details.append(sentence(left_out_line(result)))
    if answer.outdated:
        details.append(tr("Outdated: the region or its scale was changed since."))
    headline, second = (told.doubt, named) if told.doubt else (named, "")
    source = f"{answer.label}  ·  {basis(result)}"
    return Words(headline, second, agreement_text(told.agrees), source, tuple(details))


def region_line(region: RegionFacts, mpp: float | None) -> str:
    """The user's class, and the size."""
    from ssmamba.rois.geometry import area_of  # shapely loads slowly

    own = region.roi.user_class
    parts = [tr("Your class: {name}").format(name=own)] if own else []
    area = area_of(region.roi)
    if area > 0:
        parts.append(tr("Area: {area}").format(area=formats.area(area, mpp)))
    return "  ·  ".join(parts)


def scale_text(mpp: float | None) -> str:
    return tr("scale unknown") if mpp is None else decimal(f"{mpp:.4g} µm/px")


def rotation_text(degrees: float) -> list[str]:
    """That the pictures are not upright, if they are not."""
    text = tr("rotated by {angle}")
    return [text.format(angle=formats.rotation(degrees))] if degrees else []


def figure_provenance(facts: Facts, region: RegionFacts) -> str:
    """One paragraph under a figure."""
    parts = [f"{facts.info.name} ({facts.info.quick_hash[:12]})", scale_text(facts.mpp)]
    parts += rotation_text(facts.rotation)
    if region.map is not None:
        parts.append(region.map.method)
    parts += [f"{a.label} (sha256 {_sha(a)})" for a in region.answers]
    return "  ·  ".join([*parts, facts.time, RESEARCH_ONLY])


def report_provenance(facts: Facts) -> list[str]:
    """The end of a report, one fact a line."""
    info = facts.info
    lines = [
        tr("Slide: {name}, content {hash}").format(name=info.name, hash=info.quick_hash),
        tr("Colour profile: applied")
        if facts.icc and info.has_icc
        else tr("Colour profile: not applied"),
    ]
    if facts.rotation:
        angle = formats.rotation(facts.rotation)
        lines.append(tr("Pictures: rotated by {angle}").format(angle=angle))
    for answer in models_of(facts.regions):
        text = tr("Model: {name}, sha256 {hash}")
        lines.append(text.format(name=answer.label, hash=answer.result.stamp.checkpoint_sha256))
    stamps = [a.result.stamp for region in facts.regions for a in region.answers]
    computed = tr("Computed on: {device}, {backend} scan, {precision}")
    lines += _distinct(
        computed.format(device=s.device, backend=s.scan_backend, precision=s.precision)
        for s in stamps
    )
    times = sorted(s.time.replace("T", " ")[:16] for s in stamps if s.time)
    if times:
        when = times[0] if times[0] == times[-1] else f"{times[0]} – {times[-1]}"
        lines.append(tr("Computed at: {time} UTC").format(time=when))
    return [*lines, RESEARCH_ONLY]


def report_head(facts: Facts) -> list[str]:
    """What stands under a report's title."""
    info = facts.info
    size = f"{info.width:,} × {info.height:,} px".replace(",", "\u202f")
    answered = sum(bool(region.answers) for region in facts.regions)
    counts = formats.regions(len(facts.regions))
    if answered < len(facts.regions):
        counts += tr(", {count} with an answer").format(count=answered)
    return [facts.time, f"{size}, {scale_text(facts.mpp)}", counts]


def _sha(answer: RegionAnswer) -> str:
    return answer.result.stamp.checkpoint_sha256[:12]


def _distinct(lines: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(lines))
