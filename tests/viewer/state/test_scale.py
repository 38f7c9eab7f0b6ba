"""How much a window of each model covers on the open slide, and what is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import InputSpec
from ssmamba.engine.messages import Classify
from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import square, write_model
from tests.viewer.state.test_planning import INFO
from viewer.saving.contents import contents_of, settings_of
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary, read_model
from viewer.state.planning import request, wanted
from viewer.state.scale import field_key, field_of, needs_scale, question_about
from viewer.state.settings import SlideSettings, fields_of

AT_60 = InputSpec(source_px=224, published_px=768, magnification=60.0)


def model(folder: Path, name: str, data: str = "LC25000", **spec: object) -> Model:
    made = replace(AT_60, **spec)  # type: ignore[arg-type]
    return read_model(write_model(folder / name, dataset={"name": data}, input=made))


def opened(**changes: object) -> Document:
    document = Document()
    document.set_slide(replace(INFO, **changes))  # type: ignore[arg-type]
    return document


def test_models_of_the_same_pictures_share_the_answer(tmp_path: Path) -> None:
    one, two = model(tmp_path, "one.safetensors"), model(tmp_path, "two.safetensors")
    assert field_key(one) == field_key(two)
    assert field_key(one) != field_key(model(tmp_path, "copies.safetensors", source_px=128))
    assert field_key(one) != field_key(model(tmp_path, "other.safetensors", "PBC"))


def test_a_large_region_is_asked_about_until_the_answer_is_there(tmp_path: Path) -> None:
    document, lac = opened(), model(tmp_path, "lac.safetensors")
    assert field_of(document, lac).px == 256  # 128 µm at 0.5 µm/px
    small, large = square(0, 0, 512), square(0, 0, 520)
    assert not needs_scale(document, small, lac) and needs_scale(document, large, lac)
    over = square(-100, -100, 600)  # of which 500 px are on the slide
    assert not needs_scale(document, over, lac)
    question = question_about(document, large, [lac])
    assert question is not None and question.field.px == 256
    document.set_slide_settings(document.slide_settings.with_field(question.key, 300.0))
    assert question_about(document, large, [lac]) is None
    assert field_of(document, lac).px == 300


def test_a_plain_image_of_the_training_size_needs_no_question(tmp_path: Path) -> None:
    document = opened(vendor="image", width=224, height=224, mpp=None)
    lac = model(tmp_path, "lac.safetensors")
    assert question_about(document, square(0, 0, 224), [lac]) is None
    assert field_of(document, lac).sure


def test_one_question_names_the_models_that_it_is_for(tmp_path: Path) -> None:
    document = opened()
    files = [model(tmp_path, "a.safetensors"), model(tmp_path, "pbc.safetensors", "PBC"),
             model(tmp_path, "known.safetensors", "NCT", mpp=0.5),
             model(tmp_path, "b.safetensors")]  # fmt: skip
    question = question_about(document, square(0, 0, 900), files)
    assert question is not None
    assert [m.name for m in question.models] == ["a", "b"]
    document.set_slide_settings(document.slide_settings.with_field(question.key, 256.0))
    question = question_about(document, square(0, 0, 900), files)
    assert question is not None and [m.name for m in question.models] == ["pbc"]


def test_nothing_is_requested_that_has_no_scale_and_each_request_reads_at_one(
    tmp_path: Path,
) -> None:
    document, library = opened(), ModelLibrary()
    lac, pbc = model(tmp_path, "lac.safetensors"), model(tmp_path, "pbc.safetensors", "PBC")
    library.add([lac, pbc], use=True)
    document.add([square(0, 0, 900, "A", "a")])
    assert wanted(document, library, ["a"]) == []
    fields = {field_key(lac): 256.0, field_key(pbc): 90.0}
    document.set_slide_settings(SlideSettings(fields=tuple(fields.items())))
    made = [request(task, 1, document) for task in wanted(document, library, ["a"])]
    asked = {r.checkpoints: r.options.field_px for r in made if isinstance(r, Classify)}
    assert asked == {(lac.path,): 256.0, (pbc.path,): 90.0}


def test_a_value_for_all_models_is_one_for_those_without_their_own() -> None:
    settings = SlideSettings(field_px=224.0).with_field("LC25000, 224 px", 300.0)
    assert settings.field_of("LC25000, 224 px") == 300
    assert settings.field_of("PBC, 224 px") == 224
    again = settings.with_field("LC25000, 224 px", 310.0)
    assert again.fields == (("LC25000, 224 px", 310.0),)


def test_the_answers_are_kept_with_the_slide_and_old_sessions_are_read() -> None:
    settings = SlideSettings(mpp=0.25).with_field("b", 300.0).with_field("a", 12.5)
    kept = contents_of([], settings)
    read = json.loads(json.dumps(kept))
    assert kept == read  # else another window would see a change that is none
    assert settings_of(read) == settings
    assert settings_of({"setting/field_px": 224.0}) == SlideSettings(field_px=224.0)


@pytest.mark.parametrize("odd", [None, 3, "text", [["a"]], [["a", -1]], [["a", "b"]], [7], {}])
def test_odd_answers_in_a_session_are_left_out(odd: object) -> None:
    assert fields_of(odd) == ()
    assert fields_of([["a", -1], ["b", 2]]) == (("b", 2.0),)


def test_a_slide_that_has_no_scale_has_the_size_of_the_pictures_as_a_guess(tmp_path: Path) -> None:
    document = Document()
    document.set_slide(SlideInfo("/a", "a", "aperio", 5000, 100, (), None, None, None, False, "h",
                                 {}))  # fmt: skip
    assert field_of(document, model(tmp_path, "lac.safetensors")).px == 100  # no more than there is
