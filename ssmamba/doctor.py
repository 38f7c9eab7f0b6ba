"""Checks of the installation: ``python -m ssmamba.doctor``.

One line for each check, and the next step where something needs attention. Imports torch only
when the checks run.
"""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import resources
from ssmamba.checks import Check, report, writable
from ssmamba.errors import SSMambaError

PROJECT = "ssmamba-viewer"
NAME = re.compile(r"[A-Za-z0-9._-]+")
INSTALL = "install it again with pip install -e . in the project's folder"


def versions() -> Iterator[Check]:
    """Python and the direct dependencies."""
    yield Check(f"Python {platform.python_version()} on {platform.platform()}")
    found = []
    for name in _dependencies():
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Check(f"{name} is not installed", INSTALL)
    yield Check(f"Packages: {', '.join(found)}")


def _dependencies() -> list[str]:
    """Names of the packages that this platform needs."""
    project = resources.FOLDER.parent / "pyproject.toml"
    if project.exists():
        lines = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        lines = [r for r in metadata.requires(PROJECT) or () if "extra ==" not in r]
    names = [found[0] for line in lines if (found := NAME.match(line))]
    no_numba = sys.platform == "darwin" and platform.machine() == "x86_64"
    return [name for name in names if not (name == "numba" and no_numba)]


def openslide() -> Check:
    """Whether OpenSlide's own library loads."""
    try:
        from openslide import __library_version__ as version
    except (ImportError, OSError) as error:
        return Check(f"OpenSlide does not load ({error})", "pip install openslide-bin")
    return Check(f"OpenSlide {version}")


def device_and_scan() -> Iterator[Check]:
    """The device that models run on, why it is not a GPU, and the scan's backend."""
    from ssmamba.ops import choose_backend, is_preparing
    from ssmamba.runtime.device import choose_device, driver_found

    device = choose_device()
    text = f"Device: {device.label}, {device.reason}"
    hidden = "CUDA_VISIBLE_DEVICES" in device.reason
    if not device.is_cuda and driver_found() and not hidden:
        yield Check(text, "install a torch that fits the NVIDIA driver (see pytorch.org)")
    else:
        yield Check(text)
    try:
        backend = choose_backend(device.name)
    except SSMambaError as error:
        yield Check("Scan backend: none", str(error).rstrip("."))
        return
    slow = ""
    if backend.name == "torch" and not is_preparing():
        slow = "models run slowly; install numba, or delete the kernel cache to try again"
    yield Check(f"Scan backend: {backend.name} ({backend.reason})", slow)


def kernel_cache() -> Check:
    """Where compiled scan kernels are kept."""
    from ssmamba.kernels import cache

    try:
        found = [writable("Kernel cache", folder) for folder in cache.folders()]
    except ImportError as error:
        return Check(f"Kernel cache: none, as {error.name} is not installed")
    return next((check for check in found if not check.next_step), found[-1])


def bundled_models(folder: Path) -> Iterator[Check]:
    """Each model file of a folder: read whole, and its tensors against its card.

    A file that another one's card names as its parent is found again by its checksum.
    """
    from ssmamba.checkpoints.card import file_sha256
    from ssmamba.checkpoints.checkpoint import load

    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        yield Check(f"There are no bundled models in {folder}", "clone or install again")
    for path in paths:
        try:
            found = load(path)
        except SSMambaError as error:
            what, _, step = str(error).rstrip(".").rpartition("; ")
            yield Check(f"Model {path.stem}: {what}", step or "copy it again")
            continue
        text = f"Model {path.stem}: {found.parameters:,} parameters, sha256 {found.sha256[:12]}"
        files = (other for other in paths if file_sha256(other) == found.card.parent_sha256)
        parent = next(files, None)
        yield Check(text + (f", made from {parent.stem}" if parent else ""))


def checks() -> Iterator[Check]:
    """All checks of this process, in the order of the report."""
    yield from versions()
    yield openslide()
    yield from device_and_scan()
    yield kernel_cache()
    yield from bundled_models(resources.FOLDER / "models")


if __name__ == "__main__":
    sys.exit(report(checks()))
