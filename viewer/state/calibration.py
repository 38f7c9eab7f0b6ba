"""A slide's scale as the user is about to set it; no Qt."""

from __future__ import annotations

from dataclasses import replace

from viewer.state.settings import LARGEST_MPP, SlideSettings

MPP_DECIMALS = 4  # of µm/px, as they are typed
SHORTEST_PX = 20.0  # of a line of known length, level-0 pixels
ENDS_PX = 2.0  # by which both ends of a line together may be amiss


class CalibrationDraft:
    """µm/px, and how much of the slide a window covers, which follows it."""

    def __init__(self, settings: SlideSettings, own_mpp: float | None) -> None:
        """own_mpp: what the file says, µm per level-0 pixel; None = nothing."""
        self._settings = settings
        self._own_mpp = own_mpp
        self.mpp = settings.mpp  # the user's; None = the file's
        each = {px for _, px in settings.fields}
        self.field_px = each.pop() if len(each) == 1 else settings.field_px
        self._field_before = self.field_px
        self._said_in_um = self.scale is not None

    @property
    def scale(self) -> float | None:
        """µm per level-0 pixel; None = unknown."""
        return self.mpp or self._own_mpp

    def set_mpp(self, mpp: float | None) -> None:
        """A window said in µm keeps its size in µm; one said in px keeps its size in px."""
        old, self.mpp = self.scale, mpp
        if self._said_in_um and self.field_px and old and self.scale:
            self.field_px *= old / self.scale

    def set_field(self, width: float) -> None:
        """In µm where the scale is known, else in px; 0 = the whole region."""
        self._said_in_um = self.scale is not None
        self.field_px = width / (self.scale or 1.0) or None

    @property
    def settings(self) -> SlideSettings:
        """With a new window size for all models, or with those that there were."""
        fields = self._settings.fields if self.field_px == self._field_before else ()
        field_px = self._settings.field_px if fields else self.field_px
        return replace(self._settings, mpp=self.mpp, field_px=field_px, fields=fields)


def mpp_of_line(px: float, um: float) -> float | None:
    """µm per pixel of a line of known length; None where no slide can have it."""
    mpp = round(um / px, MPP_DECIMALS) if px > 0 else 0.0
    return mpp if 0 < mpp <= LARGEST_MPP else None
