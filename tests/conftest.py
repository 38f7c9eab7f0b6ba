"""Settings of all tests."""

import os

# The engine gives way to everything else; beside other programs a test would wait for minutes.
os.environ.setdefault("SSMAMBA_ENGINE_NICE", "0")
