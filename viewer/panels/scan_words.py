"""Whole slides that are read, in words."""

from __future__ import annotations

from viewer.state.slide_scan import Answer
from viewer.state.slide_scans import SlideScans
from viewer.text import formats
from viewer.text.answers import doubt_name
from viewer.text.tr import decimal, tr


def progress_text(scans: SlideScans) -> str:
    """How far the reading is, and what the user may do."""
    found, status = scans.map, scans.status
    if scans.outdated:
        return tr("The scale was changed after this was read. Read the slide again.")
    if status == "scale":
        return tr("Say first how much of the slide one training picture shows.")
    if found is None or status == "looking":
        return tr("Looking for tissue…")
    done, total = formats.whole(found.done), formats.whole(found.head.windows)
    if status == "done":
        return tr("All {total} windows are read.").format(total=total)
    text = tr("{done} of {total} windows").format(done=done, total=total)
    if status == "reading" and scans.per_second > 0:
        return f"{text}\n{formats.pace(scans.per_second, scans.left_s)}"
    if status == "waiting":
        wait = tr("{text}. Add the model {name} to the list to go on.")
        return wait.format(text=text, name=scans.model_name)
    if status == "paused":
        return tr("Paused at {text}.").format(text=text)
    if status == "stopped":
        return tr("Stopped at {text}.").format(text=text)
    return text


def answer_text(answer: Answer, first: str = "") -> str:
    """The raw values of one window, its doubt first. first: key of the class that comes first."""
    values = answer.values
    if values is None:
        return tr("not read yet")
    doubt = doubt_name(answer.doubt)
    if not answer.names_class:
        return doubt
    ranked = sorted(values, key=lambda item: (item[0].key != first, -item[1]))
    shown = ", ".join(f"{info.name} {decimal(f'{value:.3f}')}" for info, value in ranked)
    return f"{doubt}: {shown}" if doubt else shown
