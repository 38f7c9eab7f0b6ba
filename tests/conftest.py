"""Settings of all tests."""

import os

from hypothesis import settings

# The engine gives way to everything else; beside other programs a test would wait for minutes.
os.environ.setdefault("SSMAMBA_ENGINE_NICE", "0")

# Beside other programs any example may take long.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
