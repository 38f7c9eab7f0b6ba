"""The demo shows what the program does when a model fits, and when it does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssmamba.checkpoints import checkpoint
from ssmamba.generated.patches import SEEDS, draw_patches
from ssmamba.inference.predictor import Predictor
from tests.acceptance.conftest import MODELS

DOUBTS = {
    "regular": {""}, "crowded": {""}, "round": {""}, "fibrous": {""}, "border": {"unsure"},
    "glass": {"glass", "blank"}, "pen": {"pen"}, "blur": {"blurred"},
}  # fmt: skip
SEEN = range(1000, 1040)  # seeds of training, validation and test images
FIT, UNFIT = MODELS / "demo" / "demo.safetensors", MODELS / "lac.safetensors"


def test_pictures_of_a_new_seed_are_answered_right() -> None:
    seed = SEEN.stop + 1
    assert seed in SEEDS
    predictor = Predictor(checkpoint.load(FIT))
    keys = [c.key for c in predictor.card.classes]
    patches = list(draw_patches(seed))
    answers = predictor.predict(np.stack([patch.image for patch in patches])).probabilities
    right = [keys[int(a.argmax())] == p.kind for a, p in zip(answers, patches, strict=True)]
    assert np.mean(right) > 0.9


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demos_regions_get_the_answers_that_it_promises(tmp_path: Path) -> None:
    """Known tissue right and sure; glass, ink, blur and the border each with its own doubt; and all
    of it foreign to the model of lung and colon."""
    from ssmamba.headless.request import Request
    from ssmamba.headless.run import predict
    from ssmamba.rois.geojson import read_rois
    from viewer.demo import ensure_demo

    files = ensure_demo(tmp_path / "cache")
    out = tmp_path / "out"
    models = (str(FIT), str(UNFIT))
    request = Request(
        (str(files.slide),), models, out, rois=files.regions, field_px=256, device="cpu"
    )
    assert predict(request) == []
    results = json.loads((out / "results.json").read_text())
    found = {(r["roi_id"].removeprefix("demo-"), r["model"]): r for r in results}
    for roi in read_rois(files.regions):
        place = roi.id.removeprefix("demo-")
        fit, unfit = found[place, str(FIT)], found[place, str(UNFIT)]
        assert fit["doubt"] in DOUBTS[place], place
        assert unfit["doubt"] in {"foreign", *(DOUBTS[place] - {"", "unsure"})}, place
        if roi.class_name:
            assert fit["predicted_name"] == roi.class_name and fit["agrees"] is True
    border = found["border", str(FIT)]["probabilities"]
    assert 0.25 < border["crowded_glands"] < 0.75 and 0.25 < border["fibrous"] < 0.75


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_map_lights_the_half_of_the_border_where_its_class_is(tmp_path: Path) -> None:
    from ssmamba.explain.cam import cam_maps
    from ssmamba.explain.stitch import stitch
    from ssmamba.generated.slide import BORDER_X, demo_regions
    from ssmamba.reading.plan import plan_region, read_window
    from ssmamba.reading.preprocess import to_tensor
    from ssmamba.reading.values import CamMap, Window
    from ssmamba.slides.slide import Slide
    from viewer.demo import ensure_demo

    files = ensure_demo(tmp_path / "cache")
    found = checkpoint.load(FIT)
    found.model.eval()
    roi = next(roi for roi in demo_regions() if roi.id == "demo-border")
    with Slide.open(files.slide) as slide:
        plan = plan_region(roi, slide, found.card.input)
        windows = [Window(*w) for w in plan.windows.tolist()]
        pixels = [read_window(slide, w, plan.out_px) for w in windows]
    batch = to_tensor(pixels, found.card.input)
    stage = found.card.cam_stage
    for key, on_left in (("crowded_glands", True), ("fibrous", False)):
        index = [c.key for c in found.card.classes].index(key)
        maps = cam_maps(found.model, batch, "GradCAM", index, stage)
        parts = [
            CamMap(window, values.shape, values.astype(np.float32).tobytes())
            for window, values in zip(windows, maps, strict=True)
        ]
        stitched = stitch(parts)
        left = min(w.x for w in windows)
        across = max(w.x + w.side for w in windows) - left
        columns = stitched.values.shape[1]
        middle = round((BORDER_X - left) / across * columns)
        halves = np.nanmean(stitched.values[:, :middle]), np.nanmean(stitched.values[:, middle:])
        lit, dark = halves if on_left else halves[::-1]
        print(f"{key}: {lit:.3f} in its half, {dark:.3f} in the other")
        assert lit > 2 * dark
