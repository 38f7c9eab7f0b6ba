"""Colour profiles turn a slide's colours into sRGB."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from ssmamba.errors import SlideError
from ssmamba.slides.icc import SrgbTransform
from ssmamba.slides.slide import Slide
from tests.slides import SHARED_SLIDES, srgb_profile, swapped_profile, tissue_like


def test_srgb_stays_as_it_is() -> None:
    picture = tissue_like(80, 60)
    shown = SrgbTransform(srgb_profile()).apply(picture)
    assert np.abs(shown.astype(int) - picture).max() <= 1
    assert SrgbTransform(srgb_profile()).changes_nothing


@pytest.mark.parametrize("profile", [b"", b"broken profile"])
def test_a_broken_profile_is_told(profile: bytes) -> None:
    with pytest.raises(SlideError, match="colour profile"):
        SrgbTransform(profile)


def test_a_profile_that_differs_changes_the_colours() -> None:
    picture = tissue_like(80, 60)
    transform = SrgbTransform(swapped_profile())
    assert not transform.changes_nothing
    shown = transform.apply(picture)
    assert np.abs(shown.astype(int) - picture[..., ::-1]).max() <= 2
    bgra = np.dstack([picture[..., ::-1], np.full(picture.shape[:2], 255, np.uint8)])
    transform.apply_bgra_in_place(bgra)
    assert np.array_equal(bgra[..., 2::-1], shown)
    assert (bgra[..., 3] == 255).all()


@pytest.mark.shared_data
def test_the_profile_of_a_real_slide_is_usable() -> None:
    path = SHARED_SLIDES / "TCGA-CR-7395-01A-01-TS1.svs"
    if not path.exists():
        pytest.skip("../shared/data/slides is absent")
    with Slide.open(path) as slide:
        profile = slide.icc_profile
        region = slide.read_region(2000, 1500, 0, 200, 160)
    assert profile is not None
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    wanted = ImageCms.profileToProfile(
        Image.fromarray(region),
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.array_equal(SrgbTransform(profile).apply(region), np.asarray(wanted))
