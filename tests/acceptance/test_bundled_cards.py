"""What the bundled models' cards must say; read without torch, so this is quick."""

from __future__ import annotations

import pytest

from ssmamba.checkpoints.card import Card, read_card
from ssmamba.generated.scenes import NAMES
from tests.acceptance.conftest import MODELS

MAMIM = ("lac-mamim", "pbc-mamim")
ABLATIONS = sorted(p.stem for p in MODELS.glob("lac-*.safetensors") if p.stem not in MAMIM)
CLASSIFIERS = ("lac", "pbc", *ABLATIONS)
CALIBRATED = sorted({*CLASSIFIERS} - {"lac-embedding-lpu", "lac-pretraining-contrastive"})
DEMO = MODELS / "demo"
DEMO_NAMES = sorted(p.stem for p in DEMO.glob("*.safetensors"))


def card(name: str) -> Card:
    return read_card(MODELS / f"{name}.safetensors")


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_had_the_same_budget_as_the_full_model(name: str) -> None:
    full, ablation = card("lac").training, card(name).training
    for key in ("steps", "images_seen", "epochs", "batch_size", "image_size", "split_seed"):
        assert ablation[key] == full[key], key
    assert [t["lr"] for t in ablation["lrs_tried"]] == [t["lr"] for t in full["lrs_tried"]]
    if name != "lac-pretraining-none":
        for key in ("steps", "images_seen", "epochs", "batch_size", "lr"):
            assert ablation["pretraining"][key] == full["pretraining"][key], key


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_differs_in_what_its_name_says(name: str) -> None:
    full, ablation = card("lac"), card(name)
    changed = {k for k in full.config if full.config[k] != ablation.config[k]}
    _, field, value = name.split("-", 2)  # lac-embedding-patch-merge
    value = value.replace("-", "_")
    if field == "pretraining":
        assert not changed
        assert (full.pretraining, ablation.pretraining) == ("mamim", value)
    else:
        assert changed == {field}
        assert ablation.config[field] == value
        assert ablation.tags[field] == value


@pytest.mark.parametrize("name", [*CLASSIFIERS, *MAMIM])
def test_every_card_can_be_read_by_a_person(name: str) -> None:
    found = card(name)
    assert found.input.stain and found.input.tissue and found.licence and found.attribution
    assert all(c.name != c.key and c.name[0].isupper() for c in found.classes)
    assert found.training_hashes and found.dataset and "test" in found.metrics


@pytest.mark.parametrize("name", [*CLASSIFIERS, *MAMIM])
def test_every_card_says_what_a_training_image_showed(name: str) -> None:
    """As the data sets' descriptions have it: ``training.card`` finds nothing to change."""
    from training.data.describe import bundled_description

    found = card(name)
    described = bundled_description(tuple(info.key for info in found.classes))
    assert described is not None
    for field in ("picture", "field_um", "magnification", "published_px"):
        assert getattr(found.input, field) == getattr(described, field), field
    assert found.input.picture == ("cell" if name.startswith("pbc") else "tissue")
    assert found.input.source_px == 224 and found.input.published_px is not None


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_are_calibrated_and_know_their_training_features(name: str) -> None:
    calibration = card(name).calibration
    assert calibration.temperature > 0
    assert calibration.entropy_limit is not None and calibration.distance_limit is not None


@pytest.mark.parametrize("name", CALIBRATED)
def test_what_was_calibrated_on_images_that_chose_nothing_says_so(name: str) -> None:
    found = card(name)
    limits, rests_on = found.calibration, found.metrics["calibration"]
    assert rests_on["split"] == "test" and rests_on["n"] == found.metrics["test"]["n"]
    assert limits.class_limit is not None and limits.class_temperature is not None
    assert (limits.background_limit is not None) == (found.input.picture == "cell")
    assert found.metrics["test"]["unsure"] < 0.06


def test_classifiers_come_from_the_bundled_pretraining() -> None:
    from ssmamba.checkpoints.card import file_sha256

    for name in ("lac", "pbc"):
        assert card(name).parent_sha256 == file_sha256(MODELS / f"{name}-mamim.safetensors")


def test_the_checkpoints_of_the_papers_figure_4_are_there() -> None:
    from training.ablate.tables import FIGURE_4, FULL

    assert {"lac" if cell == FULL else f"lac-{cell}" for cell in FIGURE_4} <= set(CLASSIFIERS)


def test_the_demo_compares_models_that_are_there() -> None:
    from viewer.controllers.models import DEMO_MODEL, DEMO_MODELS

    assert set(DEMO_MODELS) - {DEMO_MODEL} <= set(CLASSIFIERS)
    assert (DEMO / f"{DEMO_MODEL}.safetensors").is_file()


@pytest.mark.parametrize("name", DEMO_NAMES)
def test_models_of_generated_tissue_say_so_and_know_their_scale(name: str) -> None:
    found = read_card(DEMO / f"{name}.safetensors")
    assert "Generated tissue, for trying the program" in found.attribution
    assert found.dataset["name"] == found.input.tissue.capitalize() == "Generated tissue"
    assert found.input.mpp is not None
    assert found.input.mpp * found.input.window_px == pytest.approx(96)  # µm along a window
    assert found.training_hashes and "test" in found.metrics
    if found.classifies:
        assert [c.name for c in found.classes] == [NAMES[c.key] for c in found.classes]
        assert found.metrics["test"]["accuracy"] > 0.9
        limits = found.calibration
        assert limits.entropy_limit is not None and limits.distance_limit is not None


@pytest.mark.parametrize("name", [n for n in DEMO_NAMES if n.count("-") > 1])
def test_ablations_of_the_demo_had_its_models_budget(name: str) -> None:
    full, ablation = (read_card(DEMO / f"{n}.safetensors").training for n in ("demo", name))
    for key in ("steps", "images_seen", "epochs", "batch_size", "image_size", "split_seed"):
        assert ablation[key] == full[key], key
    _, part, value = name.split("-", 2)
    assert read_card(DEMO / f"{name}.safetensors").tags[part] == value.replace("-", "_")


def test_the_demo_comes_from_its_own_pretraining() -> None:
    from ssmamba.checkpoints.card import file_sha256

    own = read_card(DEMO / "demo.safetensors").parent_sha256
    assert own == file_sha256(DEMO / "demo-mamim.safetensors")


def test_bundled_models_stay_small() -> None:
    assert sum(p.stat().st_size for p in MODELS.glob("*.safetensors")) < 60e6
    assert sum(p.stat().st_size for p in DEMO.glob("*.safetensors")) < 20e6
