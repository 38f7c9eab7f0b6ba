"""Cards: two kinds of input, what a model can do, and old files that stay readable."""

import json
from dataclasses import fields

import pytest
import torch

import resources
from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import (
    Calibration,
    Card,
    ClassInfo,
    InputSpec,
    SlideSpec,
    card_from_json,
    read_card,
    require_classes,
)
from ssmamba.errors import CheckpointError

CLASSES = (ClassInfo("a", "A", (255, 0, 0)), ClassInfo("b", "B", (0, 0, 255)))
SLIDE = SlideSpec(
    window_px=224, source_px=224, mpp=2.0, foreground=0.4, encoder="uni", encoder_sha256="e" * 64
)
BUNDLED = sorted((resources.FOLDER / "models").glob("*.safetensors"))


def slide_card(**changes):
    return Card(kind="slide", name="Grades", classes=CLASSES, input=SLIDE).with_(**changes)


def test_a_slide_card_comes_back_from_a_file(tmp_path):
    path = tmp_path / "slide.safetensors"
    checkpoint.save_tensors(path, {"w": torch.zeros(2)}, slide_card())
    found = read_card(path)
    assert found == slide_card()
    assert found.input == SLIDE and found.input.encoder == "uni"


@pytest.mark.parametrize(
    ("card", "can"),
    [
        (Card(classes=CLASSES), {"classifies", "embeds"}),
        (Card(kind="baseline", classes=CLASSES), {"classifies", "embeds"}),
        (Card(kind="mamim", classes=CLASSES, mamim={}), {"reconstructs", "embeds"}),
        (Card(kind="encoder"), {"embeds"}),
        (slide_card(), {"answers_slides"}),
        (slide_card(kind="classifier"), {"answers_slides"}),
    ],
)
def test_what_a_model_can_do_follows_from_its_card(card, can):
    asked = ("classifies", "reconstructs", "answers_slides", "embeds")
    assert {name for name in asked if getattr(card, name)} == can


def test_older_programs_still_read_new_cards_of_windows_and_refuse_those_of_slides():
    window = json.loads(Card(classes=CLASSES).to_json())
    assert window["format_version"] == 1
    assert set(window["input"]) == {"window_px", "source_px", "mpp", "mean", "std", "icc", "stain",
                                    "tissue"}  # fmt: skip
    assert json.loads(slide_card().to_json())["format_version"] == 2


def test_what_a_training_image_showed_comes_back():
    spec = InputSpec(picture="cell", field_um=24.0, magnification=100.0, published_px=360)
    again = card_from_json(Card(classes=CLASSES, input=spec).to_json()).input
    assert again == spec
    assert again.known_mpp == 24.0 / 224
    assert InputSpec(mpp=0.5).known_mpp == 0.5
    assert InputSpec(magnification=60.0).known_mpp is None  # a guess, which the user must confirm


def test_a_card_of_the_first_version_with_few_fields_is_read():
    card = card_from_json('{"format_version": 1, "input": {"window_px": 96}}')
    assert card.input == InputSpec(window_px=96)
    assert not card.answers_slides


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mpp": None}, "needs µm/px as input.mpp"),
        ({"mpp": -1.0}, "needs µm/px as input.mpp"),
        ({"foreground": 1.5}, "input.foreground is 1.5, not within 0 to 1"),
        ({"foreground": "half"}, "input.foreground is 'half', not a number"),
        ({"reads": "volume"}, "it reads 'volume', not a window or a slide"),
        ({"encoder_sha256": 5}, "input.encoder_sha256 is '5', not a text"),
        ({"colour": 1}, "colour"),
    ],
)
def test_an_input_that_is_wrong_is_named_in_one_sentence(changes, words):
    raw = json.loads(slide_card().to_json())
    raw["input"] |= changes
    with pytest.raises(CheckpointError) as caught:
        card_from_json(json.dumps(raw), "grades.safetensors")
    said = str(caught.value)
    assert said.startswith("grades.safetensors: ") and words in said
    assert said.endswith("copy or train it again.")


def test_a_slide_model_is_not_asked_about_regions(tmp_path):
    path = tmp_path / "slide.safetensors"
    checkpoint.save_tensors(path, {"w": torch.zeros(2)}, slide_card())
    for ask in (lambda: require_classes(slide_card(), path), lambda: checkpoint.load(path)):
        with pytest.raises(CheckpointError, match=r"is a slide model: .*; choose a model"):
            ask()


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_every_bundled_card_is_of_the_first_version_and_unchanged_by_reading(path):
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        written = json.loads(file.metadata()["ssmamba"])
    card = read_card(path)
    assert card.format_version == 1 and not card.answers_slides
    assert card.classifies != card.reconstructs
    again = json.loads(card.to_json())
    assert again | written == again  # what the file does not say has its default


def test_the_documentation_describes_every_field_and_its_six_lines_work(monkeypatch, capsys):
    page = (resources.FOLDER.parent / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    for described in (Card, ClassInfo, InputSpec, SlideSpec, Calibration):
        for field in fields(described):
            assert f"`{field.name}`" in page, f"{described.__name__}.{field.name}"
    code = page.split("```python\n")[1].split("```")[0]
    assert sum(bool(line) for line in code.splitlines()) == 6
    monkeypatch.chdir(resources.FOLDER.parent)
    exec(code, {})
    assert read_card("resources/models/lac.safetensors").name in capsys.readouterr().out
