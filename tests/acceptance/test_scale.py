"""The scale that the program finds by itself is as good as one that is set by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.jobs.classify import answer
from ssmamba.engine.messages import Classify, ClassifyResult, FitResult, MeasureFit, SlideRef
from ssmamba.errors import ScaleNeeded
from ssmamba.inference.predictor import Predictor
from ssmamba.reading.plan import plan_region, whole_image_roi
from ssmamba.reading.values import DEFAULT_OPTIONS, ReadOptions
from ssmamba.rois.roi import Roi
from ssmamba.runtime.device import choose_device
from ssmamba.slides.slide import Slide
from tests.acceptance.conftest import MODELS
from tests.acceptance.test_cells import cell
from tests.slides import write_pyramid
from training.data.dataset import Dataset, load_dataset

pytestmark = [pytest.mark.slow, pytest.mark.shared_data, pytest.mark.timeout(3600)]

PATCH = 224
SQUARES = {512: 240, 1024: 130, 2560: 30}  # side, px: how many; 400 in all
BLOCK = 2688  # px, of one class: 12 patches
CELLS = 100


def test_the_images_below_are_held_out(folder: Path, model: str) -> None:
    dataset, card = held_out(folder, model)[0], read_card(MODELS / f"{model}.safetensors")
    assert not set(dataset.hashes("test")) & set(card.training_hashes)


@pytest.fixture(params=["lac", "pbc"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(model: str, lc25000: Path, pbc: Path) -> Path:
    return lc25000 if model == "lac" else pbc


def held_out(folder: Path, model: str) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """The data set, and its test images (N, 224, 224, 3) uint8 with their classes (N,)."""
    seed = int(read_card(MODELS / f"{model}.safetensors").dataset["split_seed"])
    dataset = load_dataset(folder, seed, quiet=True)
    paths = [folder / item.path for item in dataset.items("test")]
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return dataset, images, dataset.labels("test")


def rectangle(left: float, top: float, right: float, bottom: float) -> Roi:
    return Roi(((((left, top), (right, top), (right, bottom), (left, bottom)),),), "rectangle")


def classify(
    bench: Bench, path: Path, roi: Roi, model: str, options: ReadOptions
) -> ClassifyResult:
    file = str(MODELS / f"{model}.safetensors")
    request = Classify(0, SlideRef(str(path)), roi, (file,), options)
    found = [r for r in answer(request, bench, lambda: 0.0, file) if isinstance(r, ClassifyResult)]
    return found[-1]


def test_400_squares_of_a_montage_are_as_right_and_as_sure_as_with_the_window_set_by_hand(
    lc25000: Path, tmp_path: Path
) -> None:
    """Nothing has a class before the one question; with the value that it suggests all have the
    windows, and so the answers, of a window that was set by hand."""
    dataset, images, labels = held_out(lc25000, "lac")
    spec = read_card(MODELS / "lac.safetensors").input
    rng, keys = np.random.default_rng(0), dataset.classes
    block = montage(images, labels, rng, len(keys))
    path = tmp_path / "montage.tif"
    write_pyramid(path, picture=block, tile=256, mpp=None)
    bench = Bench(choose_device("cpu"))
    counts = dict.fromkeys(SQUARES, (0, 0, 0))
    with Slide.open(path) as slide:
        for side, count in SQUARES.items():
            for number in range(count):
                of_class = number % len(keys)
                x, y = rng.uniform(0, BLOCK - side, 2)
                x += of_class * BLOCK
                roi = rectangle(x, y, x + side, y + side)
                with pytest.raises(ScaleNeeded) as told:
                    plan_region(roi, slide, spec, DEFAULT_OPTIONS)
                assert told.value.suggested_px == PATCH
                by_hand = plan_region(roi, slide, spec, ReadOptions(field_px=PATCH))
                options = ReadOptions(field_px=told.value.suggested_px)
                found = classify(bench, path, roi, "lac", options)
                assert np.array_equal(found.windows.array, by_hand.windows)
                right = found.predicted == keys[of_class]
                n, were_right, were_sure = counts[side]
                counts[side] = (n + 1, were_right + right, were_sure + (right and found.trust.sure))
    bench.slides.keep_only(())
    for side, (n, right, sure) in counts.items():
        print(f"{side} px: {right} of {n} right, {sure} of them sure")
    assert sum(n for n, _, _ in counts.values()) == 400
    assert all(right >= 0.95 * n for n, right, _ in counts.values())
    assert all(sure >= 0.8 * n for n, _, sure in counts.values())


def test_a_blood_smear_is_told_from_lung_and_colon(
    lc25000: Path, pbc: Path, tmp_path: Path
) -> None:
    """Sheets of 3 × 3 held-out pictures: each model fits its own, and neither fits the other's."""
    from ssmamba.engine.jobs.fit import measure_fit

    bench, distances = Bench(choose_device("cpu")), {}
    for name, folder in (("lac", lc25000), ("pbc", pbc)):
        _, images, _ = held_out(folder, name)
        chosen = images[np.random.default_rng(2).permutation(len(images))[:45]]
        for number, nine in enumerate(chosen.reshape(5, 3, 3, PATCH, PATCH, 3)):
            path = tmp_path / f"{name}-{number}.tif"
            sheet = nine.transpose(0, 2, 1, 3, 4).reshape(3 * PATCH, 3 * PATCH, 3)
            write_pyramid(path, picture=sheet, tile=256, mpp=None)
            for model in ("lac", "pbc"):
                file = str(MODELS / f"{model}.safetensors")
                request = MeasureFit(0, SlideRef(str(path)), file)
                *_, found = measure_fit(request, bench, lambda: 0.0)
                assert isinstance(found, FitResult) and found.distance is not None
                distances.setdefault((name, model), []).append(found.distance)
            bench.slides.keep_only(())
    for (of, by), values in distances.items():
        print(f"{of} pictures, {by} model: {', '.join(f'{v:.2f}' for v in values)}")
    assert max(distances["lac", "lac"] + distances["pbc", "pbc"]) <= 1.0
    assert min(distances["lac", "pbc"] + distances["pbc", "lac"]) > 1.0


def montage(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, classes: int
) -> np.ndarray:
    """One block of patches for each class, side by side: (2688, classes · 2688, 3) uint8."""
    blocks = []
    for number in range(classes):
        patches = images[rng.choice(np.flatnonzero(labels == number), (BLOCK // PATCH) ** 2)]
        grid = patches.reshape(BLOCK // PATCH, BLOCK // PATCH, PATCH, PATCH, 3)
        blocks.append(grid.transpose(0, 2, 1, 3, 4).reshape(BLOCK, BLOCK, 3))
    return np.concatenate(blocks, axis=1)


def lasso(mask: np.ndarray) -> Roi:
    """A region tight around a cell, (H, W) bool."""
    rows, columns = np.nonzero(mask)
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    cut = 0.3 * min(right - left, bottom - top)
    ring = (
        (left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut),
        (right - cut, bottom), (left + cut, bottom), (left, bottom - cut), (left, top + cut),
    )  # fmt: skip
    return Roi(((tuple((float(x), float(y)) for x, y in ring),),))


def seen_cells(images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images with the mask of their cell, where it is found."""
    pairs = [(image, cell(image)) for image in images]
    return [(image, mask) for image, mask in pairs if 0.02 < mask.mean() < 0.6][:CELLS]


def test_a_cell_that_is_lassoed_tightly_has_the_answer_of_its_whole_picture(
    pbc: Path, tmp_path: Path
) -> None:
    _, images, _ = held_out(pbc, "pbc")
    images = images[np.random.default_rng(0).permutation(len(images))]
    bench = Bench(choose_device("cpu"))
    path = tmp_path / "cell.png"
    for image, mask in seen_cells(images[: 2 * CELLS]):
        Image.fromarray(image).save(path)
        with Slide.open(path) as slide:
            whole = classify(bench, path, whole_image_roi(slide), "pbc", DEFAULT_OPTIONS)
        tight = classify(bench, path, lasso(mask), "pbc", DEFAULT_OPTIONS)
        bench.slides.keep_only(())
        assert tight.predicted == whole.predicted
        for key, value in whole.probabilities.items():
            assert abs(tight.probabilities[key] - value) < 0.05


def test_a_cell_in_a_smear_is_read_at_the_size_of_a_training_picture(
    pbc: Path, tmp_path: Path
) -> None:
    """A sheet of pictures stands for a smear: cells are lassoed tightly, and no scale is set."""
    _, images, _ = held_out(pbc, "pbc")
    pairs = seen_cells(images[np.random.default_rng(1).permutation(len(images))][:200])[:64]
    sheet = np.stack([image for image, _ in pairs]).reshape(8, 8, PATCH, PATCH, 3)
    path = tmp_path / "smear.tif"
    write_pyramid(
        path, picture=sheet.transpose(0, 2, 1, 3, 4).reshape(8 * PATCH, 8 * PATCH, 3), mpp=None
    )
    predictor = Predictor(checkpoint.load(MODELS / "pbc.safetensors"))
    direct = predictor.predict(np.stack([image for image, _ in pairs])).probabilities
    bench = Bench(choose_device("cpu"))
    same, gaps = [], []
    for at, (_, mask) in enumerate(pairs):
        moved = np.zeros((8 * PATCH, 8 * PATCH), bool)
        y, x = at // 8 * PATCH, at % 8 * PATCH
        moved[y : y + PATCH, x : x + PATCH] = mask
        found = classify(bench, path, lasso(moved), "pbc", DEFAULT_OPTIONS)
        own = np.array(list(found.probabilities.values()))
        same.append(own.argmax() == direct[at].argmax())
        gaps.append(abs(own - direct[at]).max())
    bench.slides.keep_only(())
    print(f"same class {np.mean(same):.3f}, median gap {np.median(gaps):.3f}")
    assert np.mean(same) >= 0.9 and np.median(gaps) < 0.05
