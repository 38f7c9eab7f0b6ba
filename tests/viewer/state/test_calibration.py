"""A scale that is about to be set, and what follows it."""

from __future__ import annotations

import pytest

from viewer.state.calibration import CalibrationDraft, mpp_of_line
from viewer.state.settings import SlideSettings


def test_a_window_said_in_um_keeps_its_size_on_the_tissue() -> None:
    draft = CalibrationDraft(SlideSettings(mpp=0.5, field_px=200.0), None)
    draft.set_mpp(0.25)
    assert draft.settings == SlideSettings(mpp=0.25, field_px=400.0)


def test_a_window_said_in_px_keeps_them_when_the_scale_becomes_known() -> None:
    draft = CalibrationDraft(SlideSettings(field_px=200.0), None)
    draft.set_mpp(0.25)
    assert draft.settings == SlideSettings(mpp=0.25, field_px=200.0)
    draft.set_field(100.0)  # in µm now
    assert draft.settings.field_px == 400.0


def test_without_a_scale_of_ones_own_the_file_counts_again() -> None:
    draft = CalibrationDraft(SlideSettings(mpp=0.5, field_px=200.0), 0.25)
    draft.set_mpp(None)
    assert (draft.scale, draft.settings) == (0.25, SlideSettings(field_px=400.0))


def test_sizes_of_single_models_stay_until_one_for_all_is_said() -> None:
    fields = (("a", 200.0), ("b", 300.0))
    draft = CalibrationDraft(SlideSettings(fields=fields), None)
    draft.set_mpp(0.5)
    assert draft.settings == SlideSettings(mpp=0.5, fields=fields)
    draft.set_field(100.0)
    assert draft.settings == SlideSettings(mpp=0.5, field_px=200.0)


@pytest.mark.parametrize(
    ("px", "um", "mpp"),
    [
        (4000.0, 1000.0, 0.25),
        (3981.0, 1000.0, 0.2512),  # as many decimals as can be typed
        (100.0, 0.0, None),
        (0.0, 10.0, None),
        (1e6, 1.0, None),  # rounds to nothing
        (10.0, 1e6, None),  # pixels of 10 cm
    ],
)
def test_a_line_says_the_scale_where_that_can_be(px: float, um: float, mpp: float | None) -> None:
    assert mpp_of_line(px, um) == mpp
