"""When an answer is not to be believed, and the reasons given."""

import cv2
import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import Calibration, Card, InputSpec
from ssmamba.inference.judge import (
    BACKGROUND,
    BLANK,
    BLURRED,
    FOREIGN,
    GLASS,
    NOT_SURE_BETWEEN,
    UNLIKE,
    Judge,
    normalised_entropy,
)
from ssmamba.inference.sight import sharpness

SURE = [0.97, 0.02, 0.01]


def textured(seed=0, side=96, base=(200, 120, 170)):
    """A stained-looking image with detail at every scale."""
    noise = np.random.default_rng(seed).normal(0, 30, (side, side, 1))
    coarse = cv2.resize(noise[::8, ::8], (side, side))[..., None]
    return np.clip(np.array(base) + 2 * coarse + noise, 0, 255).astype(np.uint8)


def judge(images, features=None, stain="H&E", probabilities=SURE, extra=None, **calibration):
    card = Card(
        input=InputSpec(window_px=96, source_px=96, stain=stain),
        calibration=Calibration(**calibration),
    )
    made = Judge(card, extra or {})
    pixels = np.stack(images)
    made.add(pixels, np.zeros((len(pixels), 2), np.float32) if features is None else features)
    return made.verdict(probabilities)


def test_entropy_is_zero_when_certain_and_one_without_any_idea():
    assert normalised_entropy(np.array([1.0, 0.0, 0.0])) == 0.0
    assert normalised_entropy(np.array([1 / 3] * 3)) == pytest.approx(1.0)
    assert normalised_entropy(np.array([1.0])) == 0.0


def test_a_clear_answer_on_sharp_tissue_is_believed():
    trust = judge([textured()])
    assert trust.sure
    assert trust.reasons == ()
    assert trust.doubt == "" and trust.names_class


def test_an_undecided_answer_is_not_sure_by_the_cards_limit():
    undecided = [0.6, 0.3, 0.1]
    assert not judge([textured()], probabilities=undecided, entropy_limit=0.7).sure
    assert (
        NOT_SURE_BETWEEN in judge([textured()], probabilities=undecided, entropy_limit=0.7).reasons
    )
    assert judge([textured()], probabilities=undecided, entropy_limit=0.95).sure


def test_features_far_from_training_are_foreign():
    extra = {"trust.mean": torch.zeros(3, 2), "trust.precision": torch.eye(2)}
    near, far = np.array([[1.0, 0.0]], np.float32), np.array([[9.0, 0.0]], np.float32)
    close = judge([textured()], near, extra=extra, distance_limit=3.0)
    assert close.sure
    assert close.distance == pytest.approx(1 / 3)
    foreign = judge([textured()], far, extra=extra, distance_limit=3.0)
    assert foreign.reasons == (FOREIGN,)
    assert foreign.distance == pytest.approx(3.0)


def test_one_odd_window_among_many_does_not_make_a_region_foreign():
    extra = {"trust.mean": torch.zeros(1, 2), "trust.precision": torch.eye(2)}
    features = np.array([[0.5, 0], [0.2, 0], [50, 0]], np.float32)
    images = [textured(s) for s in range(3)]
    assert judge(images, features, extra=extra, distance_limit=3.0).sure


def glass_with_a_speck():
    rng = np.random.default_rng(0)
    image = np.full((96, 96, 3), 240.0) + rng.normal(0, 6, (96, 96, 1))
    image[40:50, 40:50] = (150, 60, 140)
    return np.clip(image, 0, 255).astype(np.uint8)


def test_glass_is_named_for_tissue_stains_but_not_for_smears():
    """A blood smear is a cell on much background: that is what its model was trained on."""
    on_tissue = judge([glass_with_a_speck()])
    assert GLASS in on_tissue.reasons
    assert on_tissue.tissue < 0.1
    on_smear = judge([glass_with_a_speck()], stain="May-Grünwald-Giemsa")
    assert GLASS not in on_smear.reasons
    assert on_smear.tissue is None


@pytest.mark.parametrize(("stain", "reason"), [("H&E", GLASS), ("May-Grünwald-Giemsa", BLANK)])
def test_an_empty_picture_is_never_believed(stain, reason):
    assert reason in judge([np.full((96, 96, 3), 243, np.uint8)], stain=stain).reasons


def test_blur_is_seen_whatever_the_contrast():
    image = textured()
    faint = (image * 0.3 + 150).astype(np.uint8)
    for original in (image, faint):
        assert judge([original]).sure
        blurred = cv2.GaussianBlur(original, (0, 0), 3)
        assert judge([blurred]).reasons == (BLURRED,)
        assert (judge([blurred]).sharpness or 0) < (judge([original]).sharpness or 0)


def test_a_magnified_window_counts_as_blurred_as_it_looks_to_the_model():
    tiny = cv2.GaussianBlur(textured(side=96), (0, 0), 1.2)[:24, :24]
    assert BLURRED in judge([tiny]).reasons


def test_sharpness_ignores_brightness_and_contrast():
    image = textured().astype(np.float32)
    dimmed = (image * 0.5 + 40).round().astype(np.uint8)
    assert sharpness(dimmed) == pytest.approx(sharpness(image.astype(np.uint8)), rel=0.05)


@pytest.mark.parametrize(
    ("image", "probabilities", "doubt", "names_class"),
    [
        (textured(), [0.5, 0.3, 0.2], "unsure", True),
        (textured(), [float("nan")] * 3, "damaged", False),
        (np.full((96, 96, 3), 243, np.uint8), [0.5, 0.3, 0.2], "glass", False),
        (np.full((96, 96, 3), 150, np.uint8), [0.5, 0.3, 0.2], "blank", False),
        (glass_with_a_speck(), [0.5, 0.3, 0.2], "glass", False),
        (cv2.GaussianBlur(textured(), (0, 0), 3), [0.5, 0.3, 0.2], "blurred", False),
    ],
)
def test_every_answer_that_is_not_sure_has_a_doubt_and_the_deepest_is_named(
    image, probabilities, doubt, names_class
):
    trust = judge([image], probabilities=probabilities)
    assert not trust.sure
    assert trust.doubt == doubt
    assert trust.names_class is names_class


def test_foreign_tissue_is_told_before_an_undecided_answer():
    extra = {"trust.mean": torch.zeros(1, 2), "trust.precision": torch.eye(2)}
    far = np.array([[9.0, 0.0]], np.float32)
    trust = judge([textured()], far, probabilities=[0.4, 0.3, 0.3], extra=extra, distance_limit=3)
    assert trust.doubt == "foreign" and trust.names_class
    assert set(trust.reasons) == {FOREIGN, NOT_SURE_BETWEEN}


def made_judge(images, areas, stain="H&E"):
    card = Card(input=InputSpec(window_px=96, source_px=96, stain=stain))
    found = Judge(card, {})
    found.add(np.stack(images), np.zeros((len(images), 2), np.float32), areas=areas)
    return found


def test_a_window_votes_with_the_area_that_it_stands_for():
    found = made_judge([textured(), textured(1)], [300.0, 100.0])
    mean = found.mean(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    np.testing.assert_allclose(mean, [0.75, 0.25])


def test_glass_has_no_vote_and_does_not_make_the_answer_partial():
    found = made_judge([textured(), glass_with_a_speck()], [600.0, 400.0])
    np.testing.assert_allclose(found.mean(np.array([[1.0, 0], [0, 1]], np.float32)), [1, 0])
    assert found.left_out == (("glass", 1),)
    assert found.voted_area == 600
    assert found.verdict([0.99, 0.01], 1000.0).sure


def test_a_region_that_is_mostly_glass_or_unread_is_partial():
    mostly = made_judge([textured(), glass_with_a_speck()], [400.0, 600.0])
    assert mostly.verdict([0.99, 0.01], 1000.0).doubt == "partial"
    unread = made_judge([textured()], [850.0])
    assert unread.verdict([0.99, 0.01], 1000.0).doubt == "partial"
    assert unread.verdict([0.99, 0.01], 900.0).sure
    assert unread.verdict([0.99, 0.01], 1000.0).names_class


def test_blur_has_no_vote_and_much_of_it_makes_the_answer_partial():
    blurred = cv2.GaussianBlur(textured(), (0, 0), 3)
    assert made_judge([textured(), blurred], [95.0, 5.0]).verdict([0.99, 0.01]).sure
    half = made_judge([textured(), blurred], [70.0, 30.0])
    assert half.left_out == (("blurred", 1),)
    assert half.verdict([0.99, 0.01]).doubt == "partial"


def pen(colour, seed=0):
    """A stroke across glass, as even as ink is."""
    image = np.random.default_rng(seed).normal(240, 3, (96, 96, 3))
    image[30:70] = np.array(colour) + np.random.default_rng(seed).normal(0, 4, (40, 96, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "colour", [(30, 160, 140), (60, 120, 210), (205, 18, 18), (30, 30, 34)],
    ids=["green", "blue", "red", "black"],
)  # fmt: skip
@pytest.mark.parametrize("stain", ["H&E", "May-Grünwald-Giemsa"])
def test_pen_has_no_class(colour, stain):
    trust = made_judge([pen(colour)], [1.0], stain).verdict([0.99, 0.01])
    assert trust.doubt == "pen" and not trust.names_class


@pytest.mark.parametrize(
    "colour", [(92, 28, 44), (70, 26, 41), (150, 40, 60)], ids=["brown", "dark", "red"]
)
@pytest.mark.parametrize("side", [224, 112, 64])
def test_an_ink_of_any_colour_is_no_tissue_at_the_magnification_of_tissue(
    colour: tuple[int, int, int], side: int
) -> None:
    """Its rim is a slow ramp; rounding and enlarging leave a little that passes for sharpness."""
    along = np.linspace(0, 1, 224)[None, :, None] ** 2
    smooth = (np.array(colour) * (1 - along) + 240 * along).repeat(224, axis=0)
    picture = np.random.default_rng(0).normal(smooth, 0.3).clip(0, 255).astype(np.uint8)
    for left in range(0, 224 - side + 1, side):
        trust = made_judge([picture[:side, left : left + side]], [1.0]).verdict([0.99, 0.01])
        assert not trust.sure and not trust.names_class


def test_a_region_with_much_pen_has_no_class_and_one_with_little_has() -> None:
    images = [textured(), pen((205, 18, 18))]
    much = made_judge(images, [70.0, 30.0]).verdict([0.99, 0.01])
    assert much.doubt == "pen" and not much.names_class
    some = made_judge(images, [80.0, 20.0]).verdict([0.99, 0.01])
    assert some.doubt == "partial" and some.names_class
    assert made_judge(images, [95.0, 5.0]).verdict([0.99, 0.01]).sure


def test_a_region_that_is_mostly_blurred_has_no_class() -> None:
    blurred = cv2.GaussianBlur(textured(), (0, 0), 3)
    trust = made_judge([textured(), blurred], [40.0, 60.0]).verdict([0.99, 0.01])
    assert trust.doubt == "blurred" and not trust.names_class


def test_the_blue_of_a_trichrome_is_not_ink():
    blue = textured(base=(70, 130, 215))
    assert made_judge([blue], [1.0]).verdict([0.99, 0.01]).doubt == "pen"
    assert made_judge([blue], [1.0], "Masson trichrome").verdict([0.99, 0.01]).sure


def test_the_largest_obstacle_is_named_where_no_window_has_a_vote():
    found = made_judge([pen((205, 18, 18)), glass_with_a_speck()], [30.0, 70.0])
    trust = found.verdict([0.99, 0.01])
    assert trust.doubt == "glass" and not trust.names_class and len(trust.reasons) == 2
    assert found.left_out == (("glass", 1), ("pen", 1))


@pytest.mark.parametrize("level", [0, 70, 128, 200])
@pytest.mark.parametrize("side", [16, 40, 60, 96])
def test_padding_is_no_tissue(side: int, level: int) -> None:
    framed = textured()
    framed[:, :side] = level
    trust = made_judge([framed], [1.0]).verdict([0.99, 0.01])
    assert trust.doubt == ("blank" if side == 96 and level else "glass")
    assert not trust.names_class


def fluorescent(*channels: int, ground: int = 0) -> np.ndarray:
    """Cells of light in some channels, (96, 96, 3) uint8."""
    image = np.zeros((96, 96, 3), np.uint8)
    light = np.random.default_rng(1).integers(0, 6, (96, 96)) + ground
    light[20:45, 20:60] = textured()[20:45, 20:60, 0]
    image[..., list(channels)] = light[..., None]
    return image


@pytest.mark.parametrize("stain", ["H&E", "May-Grünwald-Giemsa"])
@pytest.mark.parametrize("ground", [0, 14])
@pytest.mark.parametrize("channels", [(2,), (0,), (1,), (1, 2)])
def test_fluorescence_is_called_that_and_has_no_class(
    channels: tuple[int, ...], ground: int, stain: str
) -> None:
    image = fluorescent(*channels, ground=ground)
    found = made_judge([image, np.zeros((96, 96, 3), np.uint8)], [20.0, 80.0], stain)
    trust = found.verdict([0.99, 0.01])
    assert trust.doubt == "fluorescence" and not trust.names_class  # nor of the black around it


def test_dark_stained_tissue_and_black_ink_are_no_fluorescence() -> None:
    dark = textured(base=(75, 35, 80))
    folded = textured()
    folded[:60] = folded[:60] // 5
    for image in (dark, folded, pen((30, 30, 34)), pen((205, 3, 3))):
        assert made_judge([image], [1.0]).verdict([0.99, 0.01]).doubt != "fluorescence"


def test_a_region_much_smaller_than_its_window_is_judged_by_its_own_pixels() -> None:
    image = textured(side=96)
    image[:, 10:16] = (205, 18, 18)  # too thin a stroke to hide the window
    card = Card(input=InputSpec(window_px=96, source_px=96))

    def doubt(left: int, right: int, picture: np.ndarray = image) -> str:
        inside = np.zeros((96, 96), bool)
        inside[30:50, left:right] = True
        found = Judge(card, {})
        found.add([picture], np.zeros((1, 2), np.float32), areas=[1.0], insides=[inside])
        trust = found.verdict([0.99, 0.01])
        assert trust.names_class is (trust.doubt == "")
        return trust.doubt

    assert doubt(8, 20) == "pen"
    assert doubt(40, 60) == ""
    glass = textured(side=96)
    glass[:, 60:] = 243
    assert doubt(70, 90, glass) == "glass"
    assert doubt(20, 40, glass) == ""


CLASS_AXES = {  # two classes at 0 and 4 on one axis
    "trust.axes": torch.tensor([[1.0], [-2.0]]),
    "trust.places": torch.tensor([[-2.0], [2.0]]),
    "trust.spread": torch.tensor([5.0]),
}


def doubt_of(*values, probabilities=(0.99, 0.01), background=None, **limits):
    extra = dict(CLASS_AXES)
    if background is not None:
        extra["trust.background"] = torch.tensor(background)
    features = np.array(values, np.float32)[:, None]
    images = [textured(seed) for seed in range(len(values))]
    return judge(images, features, probabilities=probabilities, extra=extra, **limits)


def test_what_lies_between_two_classes_is_unlike_both():
    assert doubt_of(0.1, class_limit=2.0).sure
    between = doubt_of(2.0, class_limit=2.0)
    assert between.doubt == "unlike" and between.reasons == (UNLIKE,) and between.names_class
    assert doubt_of(0.0, 0.2, 2.0, class_limit=2.0).sure  # one of three windows


def test_an_answer_that_the_distances_to_the_classes_do_not_share_is_not_sure():
    limits = {"class_temperature": 1.0, "entropy_limit": 0.6}
    assert doubt_of(0.0, **limits).sure
    another = doubt_of(4.0, **limits)
    assert another.doubt == "unsure" and another.entropy > 0.9
    assert doubt_of(4.0, entropy_limit=0.6).sure  # in files of older versions


def test_windows_of_background_have_no_vote():
    limits = {"background": [1.0, 0.0], "background_limit": 3.0}
    alone = doubt_of(4.0, **limits)
    assert alone.doubt == "background" and not alone.names_class
    assert alone.reasons == (BACKGROUND,)
    assert doubt_of(0.0, **limits).sure
    some = doubt_of(0.0, 0.0, 4.0, **limits)
    assert some.sure


def test_single_windows_of_a_slide_are_doubted_as_regions_of_one_window_are():
    from ssmamba.inference.judge import doubts_of_windows
    from ssmamba.inference.predictor import Prediction
    from ssmamba.reading.doubts import CODES

    extra = {**CLASS_AXES, "trust.background": torch.tensor([1.0, 0.0])}
    limits = {"class_temperature": 1.0, "class_limit": 2.0, "background_limit": 5.0,
              "entropy_limit": 0.6}  # fmt: skip
    values = np.array([0.0, 2.0, 4.0, 6.0], np.float32)
    shares = np.tile(np.float32([0.99, 0.01]), (4, 1))
    card = Card(input=InputSpec(96, 96), calibration=Calibration(**limits))
    codes = doubts_of_windows(card, extra, [""] * 4, Prediction(shares, shares, values[:, None]))
    one_by_one = [
        doubt_of(value, background=[1.0, 0.0], **limits).doubt for value in values.tolist()
    ]
    assert [CODES[code] for code in codes] == one_by_one == ["", "unlike", "unsure", "background"]
