"""Kill -9 at any moment: the results are those of an unbroken run."""

import os
import signal
import subprocess
import sys

import pytest

from ssmamba.headless.scan.share import Share, share_of
from ssmamba.lock import locked_folder
from tests.patience import PATIENCE_S

ONE_RUN = {".lock", "run.json"}  # when and where it was made


def bytes_of(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ONE_RUN
    }


def command(folder, out, *before):
    given = ["--model", str(folder / "model.safetensors"), "--out", str(out), "--batch", "8"]
    return [sys.executable, "-m", *before, str(folder / "slides"), *given, "--device", "cpu"]


def killed(folder, out, moment, number):
    found = subprocess.run(
        command(folder, out, "tests.ssmamba.scan.killing", moment, str(number)),
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert found.returncode == -signal.SIGKILL, found.stderr.decode()


@pytest.fixture
def unbroken(scan):
    status, said, out = scan("slides", out="unbroken")
    assert status == 0, said
    return bytes_of(out)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_scan_goes_on_and_its_bytes_are_those_of_an_unbroken_one(folder, scan, unbroken):
    out = folder / "killed"
    killed(folder, out, "torn", 2)
    assert (out / "one" / "answers.part").stat().st_size > 0
    assert not (out / "one" / "tiles.csv").exists()
    status, said, _ = scan("slides", out=out)
    assert status == 0, said
    assert "one.tif: goes on after 16 of" in said
    assert bytes_of(out) == unbroken


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_kills_at_every_moment(folder, scan, unbroken, tmp_path):
    """Before each file takes its name, and after every batch of the first slide, in one folder."""
    for number in range(8):
        out = tmp_path / f"file-{number}"
        killed(folder, out, "file", number)
        assert scan("slides", out=out)[0] == 0
        assert bytes_of(out) == unbroken
    out = tmp_path / "again and again"
    for number in (1, 2):  # of three batches
        killed(folder, out, "batch", number)
    assert scan("slides", out=out)[0] == 0
    assert bytes_of(out) == unbroken


def test_a_finished_run_reads_nothing_again(scan, unbroken):
    status, said, out = scan("slides", out="unbroken")
    assert status == 0
    assert "tiles of" not in said and "3 of 3 slides" in said
    assert bytes_of(out) == unbroken


def test_answers_that_belong_to_another_file_are_read_again(folder, scan, tmp_path):
    status, _, out = scan("slides/one.tif")
    first = (out / "one" / "tiles.csv").read_bytes()
    (tmp_path / "other").mkdir()
    os.link(folder / "slides" / "two.tif", tmp_path / "other" / "one.tif")
    status, said, _ = scan(tmp_path / "other" / "one.tif")
    assert status == 2 and "holds the results of another slide" in said
    assert (out / "one" / "tiles.csv").read_bytes() == first


def test_other_settings_are_refused_and_leave_the_results_alone(scan, unbroken):
    status, said, out = scan("slides", "--overlap", "0.5", out="unbroken")
    assert status == 2
    assert "overlap was 0.0" in said and "choose another --out" in said
    assert bytes_of(out) == unbroken


def test_the_processes_of_torchrun_and_slurm_know_their_share():
    assert share_of({}) == Share(0, 1, None)
    assert share_of({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}) == Share(3, 8, 1)
    array = {"SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "4"}
    assert share_of(array) == Share(1, 4, None)
    both = share_of({**array, "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"})
    assert (both.rank, both.count) == (3, 8)


def test_a_slide_that_another_process_reads_is_left_to_it(scan, tmp_path):
    with locked_folder(tmp_path / "out" / "two"):
        status, said, out = scan("slides")
    assert status == 2
    assert "two.tif: another process is reading it" in said
    assert {p.parent.name for p in out.glob("*/summary.json")} == {"one", "three"}
    assert scan("slides")[0] == 0


def test_two_commands_on_one_folder_are_told(scan, tmp_path, monkeypatch):
    monkeypatch.setattr("ssmamba.lock.PATIENCE_S", 0.0)
    with locked_folder(tmp_path / "out"):
        status, said, out = scan("slides")
    assert status == 2 and said.count("error: Another command is at work in") == 1
    assert [p.name for p in out.iterdir()] == [".lock"]
