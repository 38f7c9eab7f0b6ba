"""A slide model's answer in words, doubt first."""

from __future__ import annotations

from viewer.state.slide_answer import Answered, Curve, SlideAnswers
from viewer.text import formats
from viewer.text.stamps import RESEARCH_ONLY
from viewer.text.tr import decimal, tr, tr_n

HEADLINES = {
    "foreign": tr("Foreign tissue"),
    "scale": tr("Another magnification"),
    "few": tr("Little tissue"),
    "many": tr("More tissue than in training"),
    "partial": tr("Partly read"),
    "unsure": tr("Not sure"),
}
HALF = 0.5


def status_text(answers: SlideAnswers) -> str:
    """How far the answer is, or why there is none; "" where there is nothing to say."""
    if answers.status == "failed":
        return answers.why
    if answers.outdated:
        return tr("The scale was changed after this answer. Ask again.")
    if answers.status != "asked":
        return ""
    if answers.share < HALF:
        return tr("Reading the tissue…")
    if answers.left_s < 1:
        return tr("Computing…")
    return tr("Computing, {time} left").format(time=formats.duration(answers.left_s))


def doubt_headline(found: Answered) -> str:
    """The foremost doubt in a few words; "" of an answer without doubt."""
    doubts = found.answer.doubts
    return HEADLINES.get(doubts[0][0], tr("Not sure")) if doubts else ""


def answer_headline(found: Answered) -> str:
    """The likeliest class and its share, or the time that half of such patients outlive."""
    if not found.is_survival:
        info, share = found.classes[found.likeliest]
        return f"{info.name}, {formats.percent(share)}"
    half = half_time(found.curve)
    if half is None:
        return tr("More than half outlive {time}").format(time=_time(found.curve.times[-1]))
    return tr("Half outlive {time}").format(time=_time(half))


def half_time(curve: Curve) -> float | None:
    """When a curve first falls to a half; None if it does not."""
    reached = (t for t, share in zip(curve.times, curve.alive, strict=True) if share <= HALF)
    return next(reached, None)


def basis_text(found: Answered) -> str:
    """ "812 regions in 301 groups"."""
    count = found.group_count
    groups = tr_n("{count} group", "{count} groups", count).format(count=formats.whole(count))
    return tr("{regions} in {groups}").format(
        regions=formats.regions(len(found.windows)), groups=groups
    )


def survival_lines(found: Answered) -> list[str]:
    """At the end of each part of the time axis: the patient's share and the cohort's."""
    text, lines = tr("After {time}: {share}, cohort {cohort}"), []
    for edge, share in zip(found.edges, found.values.tolist(), strict=False):
        cohort = share_at(found.cohort, edge)
        told = tr("unknown") if cohort is None else formats.percent(cohort)
        lines.append(text.format(time=_time(edge), share=formats.percent(share), cohort=told))
    return lines


def share_at(curve: Curve, time: float) -> float | None:
    """The share alive at a time; None where the curve is not known."""
    known = [share for at, share in zip(curve.times, curve.alive, strict=True) if at <= time]
    return known[-1] if known else None


def region_text(found: Answered, region: int, output: int) -> str:
    """What is known of the region under the cursor."""
    alike = len(found.alike(region))
    part = formats.value(float(found.parts(output)[region]))
    text = tr("adds {part}; alone") if alike == 1 else tr("adds {part}; fused with {others} more")
    return text.format(part=part, others=alike - 1)


def provenance_lines(found: Answered) -> list[str]:
    """Where the answer comes from."""
    stamp = found.answer.stamp
    scale = tr("Scale: {mpp:.3g} µm per model pixel")
    return [
        tr("Model: {name}, sha256 {hash}").format(
            name=found.model_name, hash=stamp.checkpoint_sha256[:12]
        ),
        *([] if stamp.mpp is None else [scale.format(mpp=stamp.mpp)]),
        tr("Computed on: {device}, {backend} scan, {seconds:.1f} s").format(
            device=stamp.device, backend=stamp.scan_backend, seconds=found.answer.seconds
        ),
        RESEARCH_ONLY,
    ]


def _time(value: float) -> str:
    return decimal(f"{value:.4g}")
