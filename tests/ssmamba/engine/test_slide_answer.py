"""A slide model answers for a whole slide: what it says, by which regions, with which doubts."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, ClassInfo, SlideSpec
from ssmamba.engine.jobs import slide_answer
from ssmamba.engine.messages import AnswerSlide, Classify, Progress, SlideAnswer, SlideRef
from ssmamba.errors import CheckpointError, SlideError
from ssmamba.inference.appearance import appearance
from ssmamba.inference.distance import fit_feature_statistics
from ssmamba.inference.slide_regions import read_regions
from ssmamba.models.slides.build import build_slide_model
from ssmamba.models.slides.config import LongViTConfig, PixelMambaConfig, VimConfig
from ssmamba.reading.preprocess import to_tensor
from ssmamba.slides.slide import Slide
from tests.slides import tissue_like, write_pyramid
from tests.ssmamba.engine.asking import square

CLASSES = tuple(ClassInfo(str(n), f"Grade {n}", (10 * n, 0, 0)) for n in (1, 2, 3))
CONFIG = PixelMambaConfig(expansions=("h-cat", "v-cat"))
SPEC = SlideSpec(window_px=8, source_px=8, mpp=4.0)


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    """Six by four regions of 8 px, all of tissue."""
    path = tmp_path_factory.mktemp("slide") / "s.tif"
    write_pyramid(path, levels=1, tile=16, mpp=4.0, picture=tissue_like(48, 32))
    return path


def regions_of(path):
    with Slide.open(path) as opened:
        return read_regions(opened, SPEC)


@pytest.fixture
def model(tmp_path):
    def make(extra=None, **changes):
        card = Card(
            kind="slide", arch="pixel-mamba", config=asdict(CONFIG), input=SPEC, classes=CLASSES,
            answer={"question": "grades"}, dataset={"regions": {"fewest": 4, "most": 30}},
            calibration=Calibration(entropy_limit=1.0),
        ).with_(**changes)  # fmt: skip
        torch.manual_seed(0)
        made = build_slide_model(card.arch, card.config, card.slide_outputs)
        path = tmp_path / "model.safetensors"
        checkpoint.save(path, made, card, extra)
        return path

    return make


def ask(jobs, slide, path, **more):
    steps = list(jobs.begin(AnswerSlide(7, SlideRef(str(slide), **more), str(path)), lambda: 1.0))
    (found,) = (reply for reply in steps if isinstance(reply, SlideAnswer))
    return found, steps


def test_the_answer_is_the_models_and_its_parts_add_up_to_it(jobs, slide, model):
    path = model()
    found, steps = ask(jobs, slide, path)
    regions = regions_of(slide)
    own = checkpoint.load_slide_model(path).model
    with torch.no_grad():
        pixels = to_tensor(regions.images, SPEC)
        logits, tokens = own(pixels).double(), own.encoder.forward_slide(pixels)
    np.testing.assert_allclose(found.values.array, logits.softmax(0), atol=1e-5)
    total = found.parts.array.sum(0) + found.base.array
    np.testing.assert_allclose(total, logits, atol=1e-4)
    assert np.array_equal(found.windows.array, regions.windows) and len(regions.windows) == 24
    assert np.array_equal(found.groups.array, tokens.owner) and len(tokens.lead) < 24
    for group in range(len(tokens.lead)):
        part = found.parts.array[found.groups.array == group].sum(0)
        one = (
            own.head.weight.detach().double()
            @ tokens.cls[group].detach().double()
            / len(tokens.lead)
        )
        np.testing.assert_allclose(part, one, atol=1e-5)
    assert found.tokens.shape == (24, *tokens.grid) and found.tokens.array.min() >= 1
    assert found.doubts == () and found.left_out == 0
    told = [s for s in steps if isinstance(s, Progress)]
    assert [s.done / s.total for s in told] == sorted(s.done / s.total for s in told)
    assert told[-1].done == told[-1].total  # after the last layer


@pytest.mark.parametrize(
    ("arch", "config"),
    [
        ("vim", VimConfig(tokens=(4,), dim=16, depth=2, window=8)),
        ("longvit", LongViTConfig(token=4, dim=16, depth=2, window=8)),
    ],
)
def test_the_other_models_of_pixels_answer_too(jobs, slide, model, arch, config):
    path = model(arch=arch, config=asdict(config))
    found, steps = ask(jobs, slide, path)
    own = checkpoint.load_slide_model(path).model
    with torch.no_grad():
        logits = own(to_tensor(regions_of(slide).images, SPEC)).double()
    np.testing.assert_allclose(found.values.array, logits.softmax(0), atol=1e-5)
    told = [s for s in steps if isinstance(s, Progress)]
    assert told[-1].done == told[-1].total
    fit = [slide_answer.most_that_fit(own, 8, size << 10) for size in (0, 400, 4000)]
    assert fit[0] == 1 and 1 < fit[1] < fit[2]


def test_survival_says_the_share_alive_after_each_bin(jobs, slide, model):
    answer = {"question": "survival", "edges": [12.0, 30.0], "kaplan_meier": {}}
    path = model(classes=(), answer=answer)
    found, _ = ask(jobs, slide, path)
    with torch.no_grad():
        pixels = to_tensor(regions_of(slide).images, SPEC)
        hazards = checkpoint.load_slide_model(path).model(pixels).double().sigmoid()
    alive = [1 - hazards[0], (1 - hazards[0]) * (1 - hazards[1])]
    assert found.values.shape == (3,)
    np.testing.assert_allclose(found.values.array[:2], alive, atol=1e-5)


def kinds(found):
    return [kind for kind, _ in found.doubts]


def test_it_doubts_what_it_was_not_trained_on(jobs, slide, model, tmp_path):
    counts = {"regions": {"fewest": 40, "most": 90}}
    assert kinds(ask(jobs, slide, model(dataset=counts))[0]) == ["few"]
    counts = {"regions": {"fewest": 2, "most": 5}}
    assert kinds(ask(jobs, slide, model(dataset=counts))[0]) == ["many"]
    unsure = Calibration(entropy_limit=1e-6)
    assert kinds(ask(jobs, slide, model(calibration=unsure))[0]) == ["unsure"]
    assert kinds(ask(jobs, slide, model(dataset={}), mpp=8.0)[0]) == ["scale"]
    own = torch.from_numpy(appearance(regions_of(slide).images))
    mean, precision = fit_feature_statistics(own, torch.zeros(len(own), dtype=torch.int64))
    known = Calibration(entropy_limit=1.0, distance_limit=3.0)
    path = model({"trust.mean": mean, "trust.precision": precision}, calibration=known)
    assert kinds(ask(jobs, slide, path)[0]) == []
    other = (tissue_like(48, 32) * 0.7).astype(np.uint8)  # stained darker
    write_pyramid(tmp_path / "o.tif", levels=1, tile=16, mpp=4.0, picture=other)
    found, _ = ask(jobs, tmp_path / "o.tif", path)
    assert kinds(found)[0] == "foreign" and "unlike those of the training" in found.doubts[0][1]


def test_more_regions_than_fit_are_thinned_and_that_is_said(jobs, slide, model, monkeypatch):
    path = model()
    monkeypatch.setattr(slide_answer, "most_that_fit", lambda *_: 5)
    found, _ = ask(jobs, slide, path)
    assert found.left_out == 19 and len(found.windows) == 5
    assert kinds(found) == ["partial"] and "5 of 24 regions" in found.doubts[0][1]


def test_more_memory_holds_more_regions_and_at_least_one_is_read(model):
    own = checkpoint.load_slide_model(model()).model
    fit = [slide_answer.most_that_fit(own, 224, size << 20) for size in (0, 100, 1000)]
    assert fit[0] == 1 and 1 < fit[1] < fit[2] < 100


def test_what_cannot_be_answered_is_refused_with_the_next_step(jobs, slide, model, tmp_path):
    blank = np.full((32, 48, 3), 245, np.uint8)
    write_pyramid(tmp_path / "blank.tif", levels=1, tile=16, mpp=4.0, picture=blank)
    write_pyramid(
        tmp_path / "unscaled.tif", levels=1, tile=16, mpp=None, picture=tissue_like(48, 32)
    )
    path = model()
    for name, said in (
        ("blank", "no region.*check its µm/px"),
        ("unscaled", "has no µm/px.*calibrate"),
    ):
        with pytest.raises(SlideError, match=said):
            ask(jobs, tmp_path / f"{name}.tif", path)
    with pytest.raises(CheckpointError, match=r"without an answer.*fine-tune it"):
        ask(jobs, slide, model(classes=(), answer={}))
    spec = replace(SPEC, encoder="lac")
    with pytest.raises(CheckpointError, match=r"features of lac.*slide_evaluate"):
        mil = {"aggregator": "meanmil", "features": 4, "hidden": 8, "dropout": 0.0}
        card = Card(kind="slide", arch="mil", config=mil, input=spec, classes=CLASSES)
        made = build_slide_model("mil", mil, 3)
        checkpoint.save(tmp_path / "mil.safetensors", made, card)
        ask(jobs, slide, tmp_path / "mil.safetensors")


def test_a_slide_model_gives_regions_no_class(jobs, slide, model):
    request = Classify(1, SlideRef(str(slide)), square(0, 0, 16), (str(model()),))
    (failed,) = list(jobs.begin(request, lambda: 1.0))
    assert "one answer for a whole slide" in failed.message
