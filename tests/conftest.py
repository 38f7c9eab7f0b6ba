"""Settings of all tests."""

import contextlib
import os
import time

import pytest
from hypothesis import settings

from ssmamba.kernels import cache, preparing
from tests.patience import PATIENCE_S

COMPILING_S = 120.0  # half a minute of processor time, shared with the other test processes

os.environ["LANGUAGE"] = "en"  # what tests read on the screen, in whatever language the system is

# On processors with fast bfloat16 the engine's answers would hang on what was measured there.
os.environ.setdefault("SSMAMBA_PRECISION", "float32")

# One core for each of the test processes, which share the machine.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Beside other programs any example may take long.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def kernels_are_compiled() -> None:
    """Tests meet a computer that has had its first minute; those of that minute say so."""
    with (
        contextlib.suppress(ImportError),  # numba is not for every system
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(preparing, "PATIENCE_S", COMPILING_S)  # one test process compiles for all
        preparing.compile_now()
        end = time.monotonic() + PATIENCE_S
        # beside other work another process may still write what the engine's process reads
        while time.monotonic() < end and any(cache.read(name) is None for name in cache.NAMES):
            time.sleep(0.1)
