"""Freed memory stays with the process that runs models, unless the user says otherwise."""

import importlib
import os
import subprocess
import sys

import pytest

from ssmamba.runtime import memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")

FAULTS = """
import resource, threading, numpy as np
from ssmamba.runtime.memory import keep_freed_memory
print(keep_freed_memory())
def rounds():
    for _ in range(20):
        a = np.ones(6 << 20, np.uint8); b = np.ones(6 << 20, np.uint8); del a, b
def measured():
    rounds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    rounds()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
measured()
"""
IN_A_THREAD = """
def rounds():
    for _ in range(20):
        blocks = [np.ones(30 << 20, np.uint8) for _ in range(4)]; del blocks
thread = threading.Thread(target=measured)
thread.start()
thread.join()
"""


def run(asking: str = "keep_freed_memory", **environment: str) -> list[str]:
    code = (FAULTS + IN_A_THREAD).replace("keep_freed_memory", asking)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **environment}
    )
    return done.stdout.split()


@linux
def test_memory_that_comes_again_costs_no_page_faults():
    asked, faults, in_a_thread = run()
    if asked == "False":
        pytest.skip("no glibc here")
    assert int(faults) < 100
    assert int(in_a_thread) < 100  # blocks that do not fit into a heap of 64 MiB


@linux
def test_memory_that_is_given_back_comes_again_at_a_price():
    asked, faults, _ = run("return_freed_memory")
    if asked == "False":
        pytest.skip("no glibc here")
    assert int(faults) > 1000


@linux
def test_a_users_own_setting_stays():
    assert run(MALLOC_TRIM_THRESHOLD_="65536")[0] == "False"


@pytest.mark.parametrize("there", [False, True])
def test_beside_a_gpu_threads_keep_heaps_of_their_own(there, monkeypatch):
    asked = []
    monkeypatch.setattr("ssmamba.runtime.device.driver_found", lambda: there)
    monkeypatch.setattr(memory, "keep_freed_memory", asked.append)
    memory.keep_freed_memory_without_gpu(5)
    assert asked == ([] if there else [5])


@pytest.mark.parametrize("command", ["predict", "scan", "extract"])
def test_commands_ask_before_anything_that_could_start_a_thread(command, monkeypatch):
    module, said = importlib.import_module(f"ssmamba.{command}"), []
    monkeypatch.setattr(module, "keep_freed_memory_without_gpu", lambda *most: said.append("kept"))
    monkeypatch.setattr(module, "_parse", lambda argv: said.append("parsed"))
    monkeypatch.setattr(module, command, lambda request: said.append("done") or [])
    assert module.main([]) == 0
    assert said == ["kept", "parsed", "done"]
