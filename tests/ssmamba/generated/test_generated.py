"""The drawn tissue: the same from the same seed, and of the kinds that it says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ssmamba.generated import nuclei, patches
from ssmamba.generated.optics import Optics
from ssmamba.generated.scenes import CROWDED, FIBROUS, GLASS, NAMES, REGULAR, ROUND
from ssmamba.generated.sheet import Sheet
from ssmamba.generated.slide import AREAS, BORDER_X, HEIGHT, SEED, WIDTH, demo_regions
from ssmamba.slides.tissue import tissue_fraction


@pytest.fixture(scope="module", autouse=True)
def few_stamps() -> Iterator[None]:
    """Fewer nuclei to choose from and a smaller tile of fibres, which are quicker to draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nuclei, "VARIANTS", 2)
        patch.setattr(nuclei, "ANGLES", 8)
        patch.setattr(patches, "TILE", 512)
        yield


@pytest.fixture(scope="module")
def drawn(few_stamps: None) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for patch in patches.draw_patches(1000):
        found.setdefault(patch.kind, []).append(patch.image)
    return found


def test_a_seed_gives_eight_pictures_of_each_kind(drawn: dict[str, list[np.ndarray]]) -> None:
    assert set(drawn) == set(NAMES)
    for images in drawn.values():
        assert len(images) == 8
        assert {image.shape for image in images} == {(patches.PATCH_PX, patches.PATCH_PX, 3)}
        assert len({image.tobytes() for image in images}) == 8


def test_the_same_seed_draws_the_same_and_another_another(
    drawn: dict[str, list[np.ndarray]],
) -> None:
    again = next(patches.draw_patches(1000))
    assert np.array_equal(again.image, drawn[again.kind][0])
    assert not np.array_equal(next(patches.draw_patches(1001)).image, again.image)


def test_glass_is_glass_and_tissue_is_tissue(drawn: dict[str, list[np.ndarray]]) -> None:
    for kind, images in drawn.items():
        shares = [tissue_fraction(image) for image in images]
        if kind == GLASS:
            assert max(shares) < 0.05
        else:
            assert min(shares) > 0.5


def test_the_kinds_differ_as_they_should(drawn: dict[str, list[np.ndarray]]) -> None:
    """Nuclei absorb red: small round cells and crowded glands have most of them."""
    red = {kind: float(np.mean([i[..., 0] for i in images])) for kind, images in drawn.items()}
    assert red[CROWDED] < red[REGULAR] < red[FIBROUS] < red[GLASS]
    assert red[ROUND] < red[FIBROUS]


def test_the_demo_slides_seed_is_never_trained_on() -> None:
    assert SEED not in patches.SEEDS
    with pytest.raises(ValueError, match="seed 7"):
        next(patches.draw_patches(SEED))


def test_regions_of_known_tissue_lie_whole_in_that_tissue() -> None:
    kinds = {disc.kind: disc for disc in AREAS}
    names = {name: key for key, name in NAMES.items()}
    known = [roi for roi in demo_regions() if roi.class_name]
    assert {roi.class_name for roi in known} == {n for k, n in NAMES.items() if k != GLASS}
    for roi in known:
        places = np.array(roi.polygons[0][0])
        disc = kinds.get(names[roi.class_name])
        if disc is not None:
            assert disc.holds(places).all()
        else:
            assert not any(other.holds(places).any() for other in AREAS)
        if disc is not None and disc.kind == CROWDED:
            assert places[:, 0].max() < BORDER_X - 120  # glands reach as far as that over it


def test_all_regions_lie_on_the_slide_and_the_border_halves_its_own() -> None:
    for roi in demo_regions():
        left, top, right, bottom = roi.bounds
        assert 0 < left < right < WIDTH and 0 < top < bottom < HEIGHT and roi.name
    border = next(roi for roi in demo_regions() if roi.id == "demo-border")
    assert (border.bounds[0] + border.bounds[2]) / 2 == BORDER_X


def test_dye_absorbs_and_ink_covers() -> None:
    optics, sheet = Optics(noise=0.0), Sheet.blank(40, 40)
    sheet.haematoxylin[:, 20:] = 150
    image = optics.image(sheet.haematoxylin, sheet.eosin, np.random.default_rng(0))
    assert image[20, 5].min() > 235 and image[20, 35, 2] > image[20, 35, 0]
    ink = np.zeros((40, 40), np.uint8)
    assert optics.inked(image, ink) is image
    ink[:20] = 255
    inked = optics.inked(image, ink)
    assert inked[5, 5, 0] < 20 and inked[5, 5, 2] > 3 * inked[5, 5, 0]
    assert np.array_equal(inked[20:], image[20:])
