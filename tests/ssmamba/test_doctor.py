"""``python -m ssmamba.doctor``: one line a check, and the next step where one is needed."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ssmamba import doctor
from ssmamba.checks import Check, report, writable
from ssmamba.runtime import device
from tests.patience import PATIENCE_S
from tests.ssmamba.checkpoints.made import save_classifier, save_mamim

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_names_all_that_it_checks_and_all_is_well_here():
    done = subprocess.run([sys.executable, "-m", "ssmamba.doctor"], cwd=ROOT, capture_output=True,
                          text=True, encoding="utf-8", timeout=PATIENCE_S)  # fmt: skip
    lines = done.stdout.splitlines()
    for words in ("Python 3", "torch 2", "PySide6-Essentials 6", "OpenSlide 4", "Device: ",
                  "Scan backend: ", "Kernel cache: ", "Model lac: 1,298,925 "):  # fmt: skip
        assert any(words in line for line in lines), words
    assert "made from lac-mamim" in done.stdout
    assert all(line[:2] in ("✓ ", "! ") for line in lines)
    assert done.returncode == int(any(line.startswith("!") for line in lines))
    models = [line for line in lines if "Model " in line]
    assert len(models) == 10 and all(line.startswith("✓") for line in models)


def test_the_status_is_1_when_one_line_needs_attention(capsys):
    assert report([Check("A works"), Check("B works")]) == 0
    assert report([Check("A works"), Check("B is missing", "install B"), Check("C")]) == 1
    assert "✓ A works\n! B is missing; install B\n✓ C\n" in capsys.readouterr().out


def test_a_model_that_is_damaged_or_does_not_fit_its_card_is_named(tmp_path):
    good = save_classifier(tmp_path / "good.safetensors")
    whole = save_mamim(tmp_path / "short.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:-100])
    save_classifier(tmp_path / "unlike.safetensors", classes=())
    lines = {str(c).split()[2].strip(":"): str(c) for c in doctor.bundled_models(tmp_path)}
    assert lines["good"].startswith("✓") and "sha256" in lines["good"] and good.exists()
    assert lines["short"].startswith("!") and lines["short"].endswith("; copy it again")
    assert lines["unlike"].startswith("!") and "do not fit its card" in lines["unlike"]


def test_a_model_made_from_another_is_tied_to_it_by_its_checksum(tmp_path):
    from ssmamba.checkpoints.card import file_sha256

    parent = save_mamim(tmp_path / "parent.safetensors")
    save_classifier(tmp_path / "child.safetensors", parent_sha256=file_sha256(parent))
    save_classifier(tmp_path / "orphan.safetensors", parent_sha256="0" * 64)
    lines = [str(c) for c in doctor.bundled_models(tmp_path)]
    assert ["made from parent" in line for line in lines] == [True, False, False]


def test_an_installation_without_models_says_so(tmp_path):
    (check,) = doctor.bundled_models(tmp_path)
    assert check.next_step


def test_a_missing_package_is_named(monkeypatch):
    known = metadata.version

    def version(name):
        if name == "timm":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(metadata, "version", version)
    wrong = [c for c in doctor.versions() if c.next_step]
    assert [c.text for c in wrong] == ["timm is not installed"]


def test_a_driver_that_torch_cannot_use_needs_attention_but_no_gpu_does_not(monkeypatch):
    monkeypatch.setattr(device, "gpu_problem", lambda index=0: device.CPU_ONLY_TORCH)
    monkeypatch.setattr(device, "driver_found", lambda: False)
    chosen, backend = doctor.device_and_scan()
    assert (
        not chosen.next_step and "CPU-only build" in chosen.text and "Scan backend" in str(backend)
    )
    monkeypatch.setattr(device, "driver_found", lambda: True)
    chosen, _ = doctor.device_and_scan()
    assert "install a torch" in chosen.next_step


def test_a_scan_backend_that_cannot_run_needs_attention(monkeypatch):
    monkeypatch.setenv("SSMAMBA_SCAN", "nonsense")
    _, backend = doctor.device_and_scan()
    assert "unset it" in backend.next_step


def test_a_folder_is_tried_by_writing_and_not_made(tmp_path, monkeypatch):
    assert not writable("Cache", tmp_path / "new" / "deep").next_step
    assert not (tmp_path / "new").exists()

    def full(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    check = writable("Cache", tmp_path)
    assert "Read-only" in check.text and str(tmp_path) in check.next_step


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_numba_is_not_asked_for_where_there_is_none(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert ("numba" in doctor._dependencies()) == (system == "linux")
