"""What MAMIM shows of a window, and what is scored."""

import numpy as np
import pytest

from ssmamba.checkpoints import checkpoint
from ssmamba.errors import CheckpointError, InputError
from ssmamba.explain.masked import fill_hidden, masked_psnr, masked_ssim
from ssmamba.explain.reconstruct import HIDDEN_GREY, KNOWS_BRIGHTNESS, mamim_of, reconstruct
from tests.slides import tissue_like
from tests.ssmamba.checkpoints.made import SPEC, save_classifier, save_mamim


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = save_mamim(tmp_path_factory.mktemp("m") / "mamim.safetensors")
    return mamim_of(checkpoint.load(path))


@pytest.fixture(scope="module")
def image():
    return tissue_like(64, 64, seed=3)


def test_visible_pixels_are_the_originals_and_hidden_ones_the_models(model, image):
    found = reconstruct(model, image, SPEC, 0.75, seed=1)
    np.testing.assert_array_equal(found.original, image)
    assert found.hidden.mean() == 0.75
    np.testing.assert_array_equal(found.masked[~found.hidden], image[~found.hidden])
    assert (found.masked[found.hidden] == HIDDEN_GREY).all()
    np.testing.assert_array_equal(found.reconstruction[~found.hidden], image[~found.hidden])
    assert (found.reconstruction[found.hidden] != image[found.hidden]).any()


def test_hidden_pixels_do_not_reach_the_prediction(model, image):
    """The model must not see what it is asked to guess."""
    first = reconstruct(model, image, SPEC, 0.75, seed=1)
    changed = image.copy()
    changed[first.hidden] = 255 - changed[first.hidden]
    second = reconstruct(model, changed, SPEC, 0.75, seed=1)
    np.testing.assert_array_equal(
        first.reconstruction[first.hidden], second.reconstruction[first.hidden]
    )


def test_the_seed_chooses_what_is_hidden(model, image):
    first, again, other = (reconstruct(model, image, SPEC, 0.5, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.hidden, again.hidden)
    np.testing.assert_array_equal(first.reconstruction, again.reconstruction)
    assert (first.hidden != other.hidden).any()


def test_units_are_hidden_whole(model, image):
    hidden = reconstruct(model, image, SPEC, 0.5).hidden
    units = hidden.reshape(4, 16, 4, 16).mean((1, 3))
    assert set(np.unique(units)) <= {0.0, 1.0}


def test_a_larger_image_is_shown_at_the_models_size(model):
    assert reconstruct(model, tissue_like(200, 200), SPEC).original.shape == (64, 64, 3)


@pytest.mark.parametrize("ratio", [0.0, 1.0, -1.0, 7.0])
def test_a_ratio_that_hides_all_or_nothing_is_refused(model, image, ratio):
    with pytest.raises(InputError, match="between 0 and 1"):
        reconstruct(model, image, SPEC, ratio)


def test_normalised_targets_are_shown_and_the_help_is_admitted(tmp_path, image):
    path = save_mamim(tmp_path / "norm.safetensors", norm_target=True, from_mean=False)
    found = reconstruct(mamim_of(checkpoint.load(path)), image, SPEC, 0.5)
    assert found.notes == (KNOWS_BRIGHTNESS,)
    gap = found.reconstruction[found.hidden].mean() - image[found.hidden].mean()
    assert abs(gap) < 12


def test_a_classifier_cannot_reconstruct_and_says_what_can(tmp_path):
    loaded = checkpoint.load(save_classifier(tmp_path / "c.safetensors"))
    with pytest.raises(CheckpointError, match=r"no decoder.*training\.pretrain\.$"):
        mamim_of(loaded)


def test_scores_see_hidden_pixels_only():
    original = tissue_like(64, 64)
    hidden = np.zeros((64, 64), bool)
    hidden[:32] = True
    outside = original.copy()
    outside[40:] = 0
    assert masked_psnr(outside, original, hidden) > 90
    off_by_ten = fill_hidden(original, np.clip(original.astype(int) + 10, 0, 255), hidden)
    assert masked_psnr(off_by_ten.astype(np.uint8), original, hidden) == pytest.approx(
        28.1, abs=0.3
    )
    assert masked_ssim(original, original, hidden) == pytest.approx(1.0, abs=1e-4)
