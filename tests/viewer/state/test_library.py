"""The list of models, from cards alone."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import ClassInfo, SlideSpec
from ssmamba.errors import CheckpointError
from tests.viewer.fakes import write_model
from viewer.controllers.models import _read_all
from viewer.state.library import ModelLibrary, bundled_models, names_beside, read_model, short_names
from viewer.text.cards import card_lines, headline


def library_of(*paths: Path) -> ModelLibrary:
    made = ModelLibrary()
    made.add([read_model(path) for path in paths], use=True)
    return made


def test_a_slide_model_answers_for_slides_and_not_for_regions(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "s.safetensors", kind="slide", input=SlideSpec(mpp=2.0),
        answer={"question": "grades"},
    )  # fmt: skip
    library = library_of(path)
    (model,) = library.models
    assert model.answers_slides and not model.classifies and not library.in_use
    assert headline(model.card) == "H&E\nOne grade for a whole slide"


def test_a_slide_model_without_an_answer_is_refused_in_one_sentence(tmp_path: Path) -> None:
    spec = SlideSpec(mpp=2.0)
    path = write_model(tmp_path / "s.safetensors", kind="slide", input=spec, classes=())
    regions = write_model(tmp_path / "c.safetensors")
    models, errors = _read_all([str(path), str(regions)])
    assert [m.name for m in models] == ["c"]
    (sentence,) = map(str, errors)
    assert re.search(r"s\.safetensors is a slide model without an answer.*; fine-tune", sentence)


def test_masked_models_do_not_answer(tmp_path: Path) -> None:
    library = library_of(
        write_model(tmp_path / "c.safetensors"),
        write_model(tmp_path / "m.safetensors", masked=True),
    )
    assert [m.name for m in library.in_use] == ["c"]
    assert library.reconstructor is not None and library.reconstructor.name == "m"


def test_the_reconstruction_is_made_by_the_shown_models_kin(tmp_path: Path) -> None:
    blood, lung = {"name": "PBC"}, {"name": "LaC"}
    library = library_of(
        write_model(tmp_path / "m1.safetensors", masked=True, dataset=blood),
        write_model(tmp_path / "m2.safetensors", masked=True, dataset=lung),
        write_model(tmp_path / "c.safetensors", dataset=lung),
    )
    assert library.reconstructor is not None and library.reconstructor.name == "m2"


def test_removing_the_shown_model_shows_another(tmp_path: Path) -> None:
    library = library_of(
        write_model(tmp_path / "a.safetensors"), write_model(tmp_path / "b.safetensors")
    )
    first, second = library.in_use
    library.show(second.path)
    library.remove(second.path)
    assert library.shown == first


def test_adding_a_file_again_keeps_one_entry(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.safetensors")
    library = library_of(path, path)
    assert len(library.models) == 1


def test_a_replaced_file_is_another_model_by_the_same_name(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.safetensors", "First")
    library = library_of(path)
    (before,) = library.in_use
    library.note_loaded(before.path, "f" * 64, 5)
    library.add([read_model(write_model(path, "Second, retrained"))])
    (after,) = library.in_use
    assert after.name == "Second, retrained" and after.version != before.version
    assert after.sha256 == ""  # that of the first file says nothing of it


def test_an_unreadable_bundled_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write_model(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"broken")
    assert [m.name for m in bundled_models(tmp_path)] == ["a"]


def test_a_foreign_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(CheckpointError, match="no model card") as caught:
        read_model(path)
    named = re.findall(r"training\.[a-z_]+", str(caught.value))
    assert named and all(find_spec(name) for name in named)  # commands that exist


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"metrics": {"test": 3}}, r"metrics\.test is '3', not an object"),
        ({"name": 5}, r"name is '5', not a text"),
        ({"classes": (ClassInfo("a", "A", ["x"]),)}, r"classes\[0\]\.color has 1 values, not 3"),
        ({"classes": (ClassInfo("a", "A", "red"),)}, r"color\[0\] is 'r', not a whole number"),
        ({"classes": (ClassInfo("a", "A", (0, 0, 256)),)}, r"colour of class 'a'"),
        ({"calibration": {"temperature": "1"}}, r"calibration\.temperature is '1', not a number"),
        ({"input": None}, r"does not fit"),
        ({"cam_stage": True}, r"cam_stage is 'True', not a whole number"),
        ({"tags": {"mixer": None}}, r"tags\.mixer is 'None', not a text"),
        ({"mamim": []}, r"mamim is '\[\]', not an object"),
    ],
)
def test_a_card_with_a_wrong_value_is_refused_by_name(
    tmp_path: Path, changes: dict, named: str
) -> None:
    path = write_model(tmp_path / "a.safetensors", **changes)
    with pytest.raises(CheckpointError, match=rf"{named}.*; copy or train it again\.$"):
        read_model(path)


@pytest.mark.parametrize("header", ["[1, 2]", '"text"', '{"w": 3}', '{"__metadata__": [1]}'])
def test_one_bad_file_of_several_does_not_lose_the_others(tmp_path: Path, header: str) -> None:
    paths = [write_model(tmp_path / f"{name}.safetensors") for name in "abc"]
    paths[1].write_bytes(len(header).to_bytes(8, "little") + header.encode())
    models, errors = _read_all([str(path) for path in paths])
    assert [m.name for m in models] == ["a", "c"]
    assert [re.search("not a readable", str(error)) is not None for error in errors] == [True]


def test_the_card_in_words(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "a.safetensors",
        metrics={"test": {"accuracy": 0.981, "macro_f1": 0.98, "n": 640}},
        tags={"mixer": "mamba"},
        pretraining="mamim",
        attribution="Somebody 2020",
    )
    model = read_model(path)
    assert headline(model.card) == "Lung · H&E\n98.1 % test accuracy"
    lines = dict(card_lines(model.card, model.path, model.parameters))
    assert lines["Performance"] == "accuracy 98.1 %, macro-F1 0.980 on 640 test images"
    assert lines["Ablation"] == "mixer: mamba"
    assert "MAMIM" in lines["Pre-training"]
    assert "scale unknown" in lines["Scale"]
    assert "Somebody 2020" in lines["Data licence"]


def test_a_full_model_stands_before_its_ablations(tmp_path: Path) -> None:
    for name in ("lac-mixer-mamba", "pbc", "lac"):
        write_model(tmp_path / f"{name}.safetensors")
    assert [m.name for m in bundled_models(tmp_path)] == ["lac", "pbc", "lac-mixer-mamba"]


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    models = []
    for run, name in (("run-1", "Lung, a"), ("run-2", "Lung, a"), ("run-3", "Lung, b")):
        (tmp_path / run).mkdir()
        models.append(read_model(write_model(tmp_path / run / "best.safetensors", name)))
    assert names_beside(models) == ["A (run-1/best)", "A (run-2/best)", "B"]


def test_names_beside_each_other_leave_out_what_they_share() -> None:
    assert short_names(["Lung, SSMamba", "Lung, no pre-training"]) == ["SSMamba", "No pre-training"]
    assert short_names(["Lung, a, b", "Lung, a, c"]) == ["B", "C"]
    assert short_names(["Lung, a", "Lung"]) == ["Lung, a", "Lung"]
    assert short_names(["Lung, a"]) == ["Lung, a"]
    assert short_names([]) == []
