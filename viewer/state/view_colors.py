"""What the colours of the view show, in words."""

from __future__ import annotations

from viewer.state.settings import STAIN_VIEWS, ViewColors
from viewer.text.tr import tr

AS_STAINED = tr("As stained")
STAIN_TEXTS = dict(
    zip(
        STAIN_VIEWS,
        (
            tr("Haematoxylin"),
            tr("Eosin"),
            tr("Residual of haematoxylin and eosin"),
            tr("Haematoxylin (with DAB)"),
            tr("DAB"),
            tr("Residual of haematoxylin and DAB"),
        ),
        strict=True,
    )
)


def colors_text(colors: ViewColors) -> str:
    """ "DAB", "colours adjusted"; empty for the slide's own colours."""
    if colors.stain:
        return STAIN_TEXTS[colors.stain]
    return tr("colours adjusted") if colors != ViewColors() else ""
