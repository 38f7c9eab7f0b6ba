"""What the engine is asked for when a slide is to be read."""

from __future__ import annotations

from ssmamba.engine.messages import Priority, ScanSlide, SlideRef
from ssmamba.reading.values import PackedArray
from ssmamba.slides.slide import SlideInfo
from viewer.state.document import Document
from viewer.state.library import Model
from viewer.state.scale import set_field_px
from viewer.state.slide_scan import ScanMap
from viewer.state.tissue_correction import Correction
from viewer.text import formats
from viewer.text.tr import tr
from viewer.tiles.pyramid import Rect

MOST_WINDOWS = 2_000_000  # of a slide: more would hold the window up when the look changes


def too_many_text(slide: SlideInfo, field_px: float, mpp: float | None) -> str:
    """Why a slide cannot be read in windows of this side (level-0 pixels); "" if it can."""
    windows = slide.width * slide.height / field_px**2
    if windows <= MOST_WINDOWS:
        return ""
    text = tr(
        "With {length} to a window this slide would have {count} windows, too many to read. Set a "
        "larger size under Slide ▸ Calibration."
    )
    length = formats.length(field_px, mpp)
    return text.format(length=length, count=formats.whole(int(windows)))


def replaced_text(model_name: str) -> str:
    """Why the map of a model that was replaced is not shown."""
    text = tr(
        "The file of {model} is not the one that read this slide, so its map is not shown. "
        "Read the slide again."
    )
    return text.format(model=model_name)


def scan_request(
    job: int, document: Document, model: Model, view: Rect, found: ScanMap | None,
    correction: Correction,
) -> ScanSlide:  # fmt: skip
    """All windows that are not known, from what is looked at outwards."""
    slide = document.slide
    assert slide is not None
    known = None if found is None else found.known()
    return ScanSlide(
        job,
        SlideRef(slide.path, document.slide_settings.mpp, file=slide.file),
        model.path,
        begin=((view[0] + view[2]) / 2, (view[1] + view[3]) / 2),
        view=view,
        known=None if known is None or not len(known) else PackedArray.of(known),
        field_px=set_field_px(document, model),
        added=correction.added,
        removed=correction.removed,
        priority=Priority.REST,  # until all is seen coarsely
    )
