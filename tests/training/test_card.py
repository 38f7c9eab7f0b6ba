"""python -m training.card: the card says what a training image showed, the weights stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import ClassInfo, InputSpec, file_sha256, read_card
from tests.ssmamba.checkpoints.made import save_classifier, save_mamim
from training.card import main as card

LAC = ("colon_aca", "colon_n", "lung_aca", "lung_n", "lung_scc")


def test_flags_are_written_and_the_rest_stays(tmp_path: Path) -> None:
    path = save_classifier(tmp_path / "m.safetensors")
    before = read_card(path)
    flags = ["--picture", "cell", "--field-um", "24", "--magnification", "100"]
    assert card([str(path), *flags, "--published-px", "360"]) == 0
    spec = replace(
        before.input, picture="cell", field_um=24.0, magnification=100.0, published_px=360
    )
    assert read_card(path) == before.with_(input=spec)


def test_a_known_data_set_needs_no_flags(tmp_path: Path) -> None:
    classes = tuple(ClassInfo(key, key.title(), (1, 2, 3)) for key in LAC)
    path = save_classifier(tmp_path / "m.safetensors", classes=classes[:3])
    assert card([str(path)]) == 0  # other classes: nothing is known
    assert read_card(path).input == InputSpec(window_px=64, source_px=64)
    from ssmamba.checkpoints.rewrite import write_card

    write_card(path, read_card(path).with_(classes=classes))
    assert card([str(path)]) == 0
    found = read_card(path).input
    assert (found.magnification, found.published_px, found.picture) == (60, 768, "tissue")
    seen = file_sha256(path)
    assert card([str(path)]) == 0 and file_sha256(path) == seen  # and nothing more to do


def test_a_description_gives_what_no_flag_does(tmp_path: Path) -> None:
    path = save_classifier(tmp_path / "m.safetensors")
    info = tmp_path / "info.yaml"
    info.write_text("classes: {tumor: T, stroma: S, fat: F}\npicture: cell\nmagnification: 40\n")
    flags = ["--dataset-info", str(info), "--magnification", "20"]
    assert card([str(path), *flags]) == 0
    found = read_card(path).input
    assert (found.picture, found.magnification) == ("cell", 20)


@pytest.mark.parametrize("child_first", [True, False])
def test_a_child_follows_the_new_hash_of_its_parent(tmp_path: Path, child_first: bool) -> None:
    parent = save_mamim(tmp_path / "parent.safetensors")
    child = save_classifier(tmp_path / "child.safetensors", parent_sha256=file_sha256(parent))
    files = [str(child), str(parent)] if child_first else [str(parent), str(child)]
    assert card([*files, "--magnification", "40"]) == 0
    assert read_card(child).parent_sha256 == file_sha256(parent)
    assert read_card(parent).input.magnification == 40


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--picture", "portrait"], "portrait"),
        (["--magnification", "-3"], "--magnification -3 must be above 0"),
        (["--magnification", "60000"], "input.magnification is 60000"),
        (["--field-um", "9e9"], "input.field_um is 9e+09"),
    ],
)
def test_what_cannot_be_is_refused_before_any_file_changes(
    tmp_path: Path, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_classifier(tmp_path / "m.safetensors")
    before = path.read_bytes()
    assert card([str(path), *flags]) == 2
    assert said in capsys.readouterr().err
    assert path.read_bytes() == before
