"""Checkpoints' cards on their way into the list of models."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.ssmamba.checkpoints.torchscripts import save_folder
from tests.viewer.fakes import CLASSES, write_model
from viewer.controllers.models import DEMO_FOLDER, DEMO_MODELS, ModelController
from viewer.controllers.shared import Shared
from viewer.services.notices import Message
from viewer.state.library import read_model


@pytest.fixture
def models(shared: Shared) -> ModelController:
    return ModelController(shared)


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stems of the models that come with the viewer."""
    stems = ["lac", "pbc", "demo", "demo-mixer-mamba"]
    folder = tmp_path / "bundled"
    folder.mkdir()
    files = [write_model(folder / f"{stem}.safetensors") for stem in stems]
    monkeypatch.setattr(
        "viewer.controllers.models.bundled_models",
        lambda folder=None: [
            read_model(path, bundled=True)
            for path in files
            if path.stem.startswith("demo") == (folder is DEMO_FOLDER)
        ],
    )
    return stems


def used(shared: Shared) -> list[str]:
    return [Path(model.path).stem for model in shared.library.in_use]


def settle(qtbot: QtBot, models: ModelController) -> None:
    assert models.busy
    qtbot.waitUntil(lambda: not models.busy)


def test_files_that_are_no_checkpoints_do_not_hold_up_the_others(
    models: ModelController, shared: Shared, qtbot: QtBot, tmp_path: Path, told: list[Message]
) -> None:
    good = write_model(tmp_path / "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    failed: list[str] = []
    models.failed.connect(failed.append)
    models.add_files([str(tmp_path / "bad.safetensors"), str(good), str(tmp_path / "missing")])
    settle(qtbot, models)
    assert used(shared) == ["good"]
    assert [m.text for m in told] == failed and len(failed) == 2
    assert "bad.safetensors" in failed[0]


def test_the_default_model_is_in_use_at_the_start_and_the_others_are_listed(
    models: ModelController, shared: Shared, qtbot: QtBot, bundled: list[str]
) -> None:
    models.add_bundled()
    settle(qtbot, models)
    assert [Path(m.path).stem for m in shared.library.models] == bundled[:2]
    assert used(shared) == ["lac"]


def test_no_bundled_model_is_in_use_when_the_user_names_others(
    models: ModelController, shared: Shared, qtbot: QtBot, bundled: list[str]
) -> None:
    models.add_bundled(use_default=False)
    settle(qtbot, models)
    assert len(shared.library.models) == 2 and not used(shared)


def test_the_demo_compares_its_models_unless_the_user_has_chosen(
    models: ModelController, shared: Shared, qtbot: QtBot, bundled: list[str], tmp_path: Path
) -> None:
    models.add_bundled()
    settle(qtbot, models)
    pbc = next(m for m in shared.library.models if Path(m.path).stem == "pbc")
    shared.library.set_in_use(pbc.path, True)
    models.use_for_demo()
    settle(qtbot, models)
    assert set(used(shared)) == set(DEMO_MODELS)
    assert Path(shared.library.shown.path).stem == "demo"
    listed = [Path(m.path).stem for m in shared.library.models]
    assert listed[0] == "demo" and set(listed) == set(bundled)
    for model in shared.library.in_use:
        shared.library.set_in_use(model.path, False)
    shared.library.add([read_model(write_model(tmp_path / "own.safetensors"))], use=True)
    models.use_for_demo()
    settle(qtbot, models)
    assert used(shared) == ["own"]


def test_a_replaced_file_is_read_again_and_stays_in_or_out_of_use(
    models: ModelController, shared: Shared, qtbot: QtBot, tmp_path: Path
) -> None:
    file = write_model(tmp_path / "a.safetensors", "Before")
    shared.library.add([read_model(file)])
    before = shared.library.models[0]
    write_model(file, "After the change", classes=CLASSES[:2])
    models.read_again(before.path)
    settle(qtbot, models)
    after = shared.library.models[0]
    assert (after.name, len(after.card.classes), after.in_use) == ("After the change", 2, False)
    assert after.version != before.version


def test_a_model_folder_of_wsinfers_is_a_model(
    models: ModelController, shared: Shared, qtbot: QtBot, tmp_path: Path
) -> None:
    """By the folder or by a file in it, and in the user's folder of models."""
    folder = save_folder(tmp_path / "models" / "breast-tumor")
    models.add_files([str(folder / "torchscript_model.pt"), str(folder)])
    settle(qtbot, models)
    (model,) = shared.library.models
    assert (model.path, model.name, model.in_use) == (str(folder), "breast-tumor", True)
    assert [c.name for c in shared.library.classes_in_use()] == ["Other", "Tumor"]
    assert model.classifies and not model.explains(None)
    shared.library.remove(model.path)
    models.set_folder(str(tmp_path / "models"))
    models._look()  # twice: a file that grows is waited for
    qtbot.waitUntil(lambda: bool(models._seen))
    models._look()
    qtbot.waitUntil(lambda: len(shared.library.models) == 1)
    assert models.lists(shared.library.models[0].path)


def test_maps_of_models_that_come_and_go_follow_the_list(
    models: ModelController, shared: Shared, qtbot: QtBot, tmp_path: Path
) -> None:
    files = [str(write_model(tmp_path / f"{name}.safetensors")) for name in "ab"]
    models.add_files(files)
    settle(qtbot, models)
    assert [spec.checkpoint for spec in shared.document.maps.specs] == files
    shared.library.remove(files[0])
    assert [spec.checkpoint for spec in shared.document.maps.specs] == files[1:]
