"""The first minute on a computer: nothing waits for a compiler, and nothing is compiled twice."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssmamba import ops
from ssmamba.kernels import cache, library, preparing
from ssmamba.locks import FileLock
from ssmamba.ops import dispatch
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache; nothing is loaded and no process has been started yet."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(library, "_loaded", {})
    monkeypatch.setattr(dispatch, "_waiting", False)
    dispatch._forget()
    yield tmp_path / cache.key()
    dispatch._forget()


@pytest.fixture
def compiled(monkeypatch):
    """The kernels that this computer has anyway stand for a compiler's work; counts the times."""
    codes = {name: cache.read(name) for name in cache.NAMES}
    times = []

    def compile_again(told):
        times.append(told)
        told(0.5)
        return codes

    monkeypatch.setattr(preparing, "_compile", compile_again)
    return times


@pytest.fixture
def starts(monkeypatch):
    """Counts how often a process that compiles would have been started."""
    found = []
    monkeypatch.setattr(preparing, "start", lambda: found.append(1))
    return found


def test_torch_answers_until_the_kernels_are_there(compiled, folder, starts):
    assert ops.choose_backend("cpu") == ("torch", dispatch.PREPARING)
    assert ops.choose_backend("cpu").name == "torch" and len(starts) == 1
    assert ops.is_preparing() and not compiled
    preparing.compile_missing(0.0)
    assert ops.choose_backend("cpu").name == "torch"  # an answer is not changed half-way
    dispatch._last_asked = -1e9
    ops.adopt_kernels()
    assert ops.choose_backend("cpu").name == "cpu" and not ops.is_preparing()


def test_what_is_compiled_serves_the_next_process_and_is_not_compiled_again(compiled, folder):
    assert preparing.compile_missing(0.0) == {}
    assert {path.name for path in folder.glob("*.o")} == {f"{name}.o" for name in cache.NAMES}
    assert preparing.compile_missing(0.0) == {} and len(compiled) == 1
    assert library.find() and cache.progress() is None


def test_two_processes_never_compile_the_same(compiled, folder):
    folder.mkdir(parents=True)
    other = FileLock(folder / cache.LOCK_FILE)
    assert other.take()
    assert preparing.compile_missing(0.0) == {} and not compiled
    other.free()
    preparing.compile_missing(0.0)
    assert len(compiled) == 1


def test_progress_is_told_to_other_processes(compiled, folder, monkeypatch):
    seen = []
    compile_again = preparing._compile
    monkeypatch.setattr(
        preparing,
        "_compile",
        lambda told: compile_again(lambda share: (told(share), seen.append(cache.progress()))),
    )
    preparing.compile_missing(0.0)
    assert seen == [0.5]


def test_a_folder_that_cannot_be_written_costs_time_only(compiled, tmp_path, monkeypatch, folder):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert cache.writable_folder() is None
    assert set(preparing.compile_missing(0.0)) == set(cache.NAMES)
    ops.compile_kernels()
    assert ops.choose_backend("cpu").name == "cpu"


def test_a_full_disk_costs_time_only(compiled, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "write", full)
    assert set(preparing.compile_missing(0.0)) == set(cache.NAMES)
    preparing.compile_now()
    assert library.find()


def test_a_damaged_file_counts_as_none(compiled, folder):
    preparing.compile_missing(0.0)
    path = folder / "forward.o"
    for damaged in (path.read_bytes()[:-1], b"", b"x" * 100):
        path.write_bytes(damaged)
        assert cache.read("forward") is None and not library.find()
    preparing.compile_missing(0.0)
    assert library.find() and len(compiled) == 2


def test_a_compiler_that_fails_is_not_asked_at_every_start(folder, monkeypatch, starts):
    def fails(told):
        raise ValueError("no such processor\nand more")

    monkeypatch.setattr(preparing, "_compile", fails)
    with pytest.raises(ValueError):
        preparing.compile_missing(0.0)
    assert cache.failure() == "ValueError: no such processor"
    backend = ops.choose_backend("cpu")
    assert backend.name == "torch" and "no such processor" in backend.reason
    assert not ops.is_preparing()
    ops.compile_kernels()  # training goes on with torch
    assert ops.choose_backend("cpu").name == "torch"


def test_training_waits_and_is_told_how_far_it_is(compiled, folder):
    told = []
    ops.compile_kernels(told.append)
    assert told == [0.0, 0.5]
    assert ops.choose_backend("cpu").name == "cpu"
    ops.compile_kernels(told.append)  # nothing to do, nothing to say
    assert told == [0.0, 0.5]


def test_kernels_belong_to_sources_compiler_and_processor(monkeypatch):
    found = set()
    for changed in (
        lambda: None,
        lambda: monkeypatch.setattr(cache, "_source_hash", lambda: "other"),
        lambda: monkeypatch.setenv("NUMBA_CPU_NAME", "haswell"),
        lambda: monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2"),
        lambda: monkeypatch.setattr(cache.metadata, "version", lambda name: "0.1"),
    ):
        changed()
        cache.key.cache_clear()
        found.add(cache.key())
    cache.key.cache_clear()
    assert len(found) == 5


def test_an_answer_from_the_cache_loads_no_compiler(tmp_path):
    code = "import sys; from ssmamba import ops; print(ops.warm_up().name, 'numba' in sys.modules)"
    assert _run(code) == "cpu False"


def _run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_short_command_leaves_its_compiling_process_to_end(tmp_path):
    """Compiles in earnest: the answer comes from torch at once, the next process has kernels."""
    code = "from ssmamba import ops; print(ops.warm_up().name)"
    place = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert _run(code, **place) == "torch"
    until = time.monotonic() + PATIENCE_S
    while len(list(tmp_path.glob("scan-*/*.o"))) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    assert _run(code, **place) == "cpu"


@pytest.mark.slow
def test_code_that_cannot_be_kept_reaches_who_asked_for_it(tmp_path):
    (tmp_path / "file").write_text("no folder")
    code = (
        "import time; from ssmamba import ops; print(ops.choose_backend('cpu').name)\n"
        "while ops.is_preparing(): time.sleep(0.2); ops.adopt_kernels()\n"
        "print(ops.choose_backend('cpu').name)"
    )
    assert _run(code, NUMBA_CACHE_DIR=str(tmp_path / "file")).split() == ["torch", "cpu"]
