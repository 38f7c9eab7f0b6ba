"""Evidence maps as pictures."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from ssmamba.engine.messages import Explain, ExplainResult, SlideRef
from ssmamba.reading.values import CamMap, Window
from tests.viewer.fakes import explanation, square
from viewer.controllers.map_painter import MapJob, MapPainter, image_of
from viewer.state.settings import MapPainting, MapSpec

ROI = square(100, 200, 64, "A", "a")
SPEC = MapSpec("m")


def result(top: float) -> ExplainResult:
    """A map that rises from -0.5 at the left to ``top`` at the right."""
    made = explanation(Explain(1, SlideRef("a.svs"), ROI, ("m",)), "m")
    values = np.tile(np.linspace(-0.5, top, 8, dtype=np.float32), (8, 1))
    maps = (CamMap(Window(100, 200, 64), (8, 8), values.tobytes()),)
    return ExplainResult(**{**vars(made), "maps": maps, "low": -0.5, "high": top})


def test_a_map_lies_on_its_window_cut_by_its_region() -> None:
    one = result(1.0)
    (painted,) = MapPainter().paint([MapJob(ROI, SPEC, one, (one,))], MapPainting())
    overlay = painted.overlay
    assert (overlay.x, overlay.y, overlay.width, overlay.height) == (100, 200, 64, 64)
    assert overlay.clip is ROI
    assert (painted.low, painted.high) == (0.0, 1.0)


def test_low_values_are_clear_only_when_they_fade() -> None:
    one = result(1.0)
    job = MapJob(ROI, SPEC, one, (one,))
    faded, flat = (
        MapPainter().paint([job], MapPainting(fade=fade))[0].overlay.image for fade in (True, False)
    )
    middle = faded.height() // 2
    assert faded.pixelColor(1, middle).alpha() == 0
    assert faded.pixelColor(faded.width() - 1, middle).alpha() == 255
    assert flat.pixelColor(1, middle).alpha() == 255


def test_a_shared_scale_makes_the_weaker_map_weaker() -> None:
    weak, strong = result(0.5), result(1.0)
    both = (weak, strong)
    own, shared = (
        MapPainter().paint([MapJob(ROI, SPEC, weak, scale)], MapPainting())[0]
        for scale in ((weak,), both)
    )
    assert (own.high, shared.high) == (0.5, 1.0)
    edge = own.overlay.image.width() - 1
    assert own.overlay.image.pixelColor(edge, 9).alpha() == 255
    assert shared.overlay.image.pixelColor(edge, 9).alpha() == pytest.approx(128, abs=2)


def test_two_sided_colours_have_zero_in_the_middle_and_hide_nothing() -> None:
    one = result(0.25)
    (painted,) = MapPainter().paint(
        [MapJob(ROI, SPEC, one, (one,))], MapPainting(colormap="blue-red")
    )
    assert (painted.low, painted.high) == (-0.5, 0.5)
    left = painted.overlay.image.pixelColor(1, 9)
    assert left.alpha() == 255 and left.blue() > left.red()


def test_stitched_maps_are_bounded_by_bytes_and_keep_no_result_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = result(1.0)
    (painted,) = MapPainter().paint([MapJob(ROI, SPEC, one, (one,))], MapPainting())
    monkeypatch.setattr("viewer.controllers.map_painter.STITCHED_BYTES", 2 * painted.values.nbytes)
    painter = MapPainter()
    for top in (0.1, 0.2, 0.3, 0.4):
        one = result(top)
        painter.paint([MapJob(ROI, SPEC, one, (one,))], MapPainting())
    assert painter._stitched.bytes == 2 * painted.values.nbytes
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
    painter.clear()
    assert painter._stitched.bytes == 0


def test_the_map_that_is_looked_at_is_painted_however_short_memory_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("viewer.controllers.map_painter.PAINTED_BYTES", 1)
    jobs = [MapJob(ROI, MapSpec(model), one := result(1.0), (one,)) for model in ("first", "last")]
    assert [m.spec.checkpoint for m in MapPainter().paint(jobs, MapPainting())] == ["last"]


def test_an_image_owns_its_pixels() -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 200, 255
    image = image_of(rgba)
    rgba[:] = 0
    assert image.size().toTuple() == (3, 2) and image.pixelColor(2, 1).red() == 200
