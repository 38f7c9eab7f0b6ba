"""Starting this package's own modules as processes, from wherever the program was started."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def module_command(module: str) -> list[str]:
    """The command for a module of this project.

    -P: nothing is imported from the folder in which the program was started.
    """
    return [sys.executable, "-P", "-m", module]


def own_environment() -> dict[str, str]:
    """The child finds this very package.

    An empty entry of PYTHONPATH ("/a:") would be the current folder again.
    """
    root = str(Path(__file__).resolve().parents[1])
    own = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *own])}
