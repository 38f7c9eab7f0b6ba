"""Starting the viewer: what is imported, and how a wrong file ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from tests.patience import PATIENCE_S
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.torchscripts import save_folder
from viewer import app
from viewer.arguments import Options, parse

ROOT = Path(__file__).resolve().parents[2]


def run(
    *arguments: str, tmp_path: Path, changes: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "SSMAMBA_VIEWER_HOME": str(tmp_path),
        "LANG": "C.UTF-8", **(changes or {}),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=PATIENCE_S,
    )  # fmt: skip


def test_the_viewers_process_loads_no_torch(tmp_path: Path) -> None:
    heavy = ["torch", "scipy", "sklearn", "cv2", "pyqtgraph", "shapely", "numba", "timm"]
    code = (
        "import viewer.app, viewer.window.main_window, viewer.window.screenshot, sys;"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = run("-c", code, tmp_path=tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


def test_no_class_of_qt_is_made_beside_the_window(tmp_path: Path) -> None:
    """PySide6 6.11.3 crashes now and then when another thread makes classes beside the loop."""
    code = (
        "import viewer.app, viewer.window.main_window, viewer.window.startup as startup, sys;"
        "before = set(sys.modules); startup._import_ahead();"
        "print([m for m in set(sys.modules) - before if m.startswith(('PySide6', 'pyqtgraph'))],"
        " 'ssmamba.rois.geometry' in sys.modules)"
    )
    done = run("-c", code, tmp_path=tmp_path)
    assert done.stdout.strip() == "[] True", done.stderr


def test_importing_main_imports_nothing(tmp_path: Path) -> None:
    code = "import sys, main; print('viewer' in sys.modules, 'PySide6' in sys.modules)"
    assert run("-c", code, tmp_path=tmp_path).stdout.strip() == "False False"


def test_a_screenshot_of_a_missing_slide_ends_with_one_sentence(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    done = run("main.py", "nowhere.svs", "--screenshot", str(target), tmp_path=tmp_path)
    assert done.returncode == 2
    told = done.stderr.strip()
    assert told.startswith("There is no file ") and told.endswith("nowhere.svs; check the path.")
    assert not target.exists()


def test_a_screenshot_with_a_missing_model_ends_with_one_sentence(tmp_path: Path) -> None:
    """The model is missed before the event loop runs; the run must end all the same."""
    write_pyramid(tmp_path / "a.tif")
    given = ["--model", "nowhere.safetensors", "--screenshot", str(tmp_path / "out.png")]
    done = run("main.py", str(tmp_path / "a.tif"), *given, tmp_path=tmp_path)
    assert done.returncode == 2
    assert "There is no model file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_screenshot_of_a_slide_alone(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "a.tif")
    target = tmp_path / "out.png"
    done = run("main.py", str(tmp_path / "a.tif"), "--screenshot", str(target), tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    image = QImage(str(target))
    assert (image.width(), image.height()) == (1600, 1000)
    middle = {image.pixel(x, y) for x in range(600, 800, 4) for y in range(400, 600, 4)}
    assert len(middle) > 500  # the slide's colours, not an empty window


def test_arguments_of_the_contract() -> None:
    words = "a.svs b.tif --model x.safetensors --model y.safetensors --rois r.geojson"
    given = parse([*words.split(), "--device", "cpu", "--screenshot", "out.png"])
    assert given == Options(
        ("a.svs", "b.tif"), ("x.safetensors", "y.safetensors"), "r.geojson", "cpu", False, "out.png"
    )


def test_an_unknown_device_leaves_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--device", "gpu"])
    assert left.value.code == 2
    assert "choose auto, cpu, cuda or cuda:N" in capsys.readouterr().err


def test_the_demo_takes_a_data_folder_but_no_slide(tmp_path: Path) -> None:
    slide = tmp_path / "a.svs"
    slide.write_bytes(b"")
    assert parse([]).demo is False
    assert (parse(["--demo"]).demo, parse(["--demo"]).demo_data) == (True, "")
    assert parse(["--demo", str(tmp_path)]).demo_data == str(tmp_path)
    assert parse(["--demo", str(tmp_path / "absent")]).demo_data  # is reported, not ignored
    given = parse(["--demo", str(slide)])
    assert given.demo and given.files == (str(slide),) and not given.demo_data


def test_a_slide_after_the_models_is_a_slide() -> None:
    given = parse(["--model", "x.safetensors", "y.safetensors", "a.svs"])
    assert given.files == ("a.svs",) and len(given.models) == 2


def test_a_model_folder_before_the_slide_is_a_model(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "zoo")
    given = parse(["--model", "x.safetensors", str(folder), "a.svs"])
    assert given.files == ("a.svs",) and given.models[1] == str(folder)


def test_an_unknown_option_leaves_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--nonsense"])
    assert left.value.code == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.slow
def test_two_models_and_regions_end_to_end(tmp_path: Path) -> None:
    """The real engine: classify, explain, reconstruct and compare in one picture."""
    from tests.viewer.real_models import write_real_models

    write_pyramid(tmp_path / "a.tif")
    regions = tmp_path / "r.geojson"
    regions.write_text(
        '{"type":"Polygon","coordinates":[[[200,200],[500,200],[500,480],[200,480],[200,200]]]}'
    )
    models = write_real_models(tmp_path)
    target = tmp_path / "out.png"
    given = [word for model in models for word in ("--model", str(model))]
    done = run(
        "main.py", str(tmp_path / "a.tif"), *given, "--rois", str(regions), "--device", "cpu",
        "--screenshot", str(target), tmp_path=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert QImage(str(target)).width() == 1600
    missing = run(
        "main.py", str(tmp_path / "a.tif"), *given[:2], "--rois", "gone.geojson",
        "--screenshot", str(target), tmp_path=tmp_path,
    )  # fmt: skip
    assert missing.returncode == 2
    assert missing.stderr.strip() == "There is no region file gone.geojson; check the path."


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_without_a_display_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    hidden = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    done = run("main.py", tmp_path=tmp_path, changes=hidden)
    assert done.returncode == 2
    assert done.stderr.startswith("No display found. ")


def test_the_doctor_reports_on_the_viewer_and_on_what_needs_torch(tmp_path: Path) -> None:
    done = run("main.py", "--doctor", tmp_path=tmp_path, changes={"PYTHONIOENCODING": "utf-8"})
    lines = done.stdout.splitlines()
    for words in ("Qt 6", "Font: ", f"Settings and regions: {tmp_path}", "Cache: ", "torch 2",
                  "Device: ", "Model lac: "):  # fmt: skip
        assert sum(words in line for line in lines) == 1, done.stdout + done.stderr
    assert done.returncode == int(any(line.startswith("!") for line in lines))


def test_qts_own_buttons_are_in_the_language_of_the_window(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "language", lambda: "de")
    before = set(qapp.findChildren(QTranslator))
    app.translate_qt(qapp)
    (translator,) = set(qapp.findChildren(QTranslator)) - before
    try:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        assert box.buttons()[0].text() == "Abbrechen"
    finally:
        qapp.removeTranslator(translator)
        translator.deleteLater()
