"""Which device the models run on, and why, in words."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import DeviceError
from ssmamba.runtime.cores import usable_cores
from ssmamba.wording import words

HOW_TO_ASK = words("choose auto, cpu, cuda or cuda:N")
CPU_ONLY_TORCH = words("this torch is a CPU-only build")


@dataclass(frozen=True)
class Device:
    """A device that works on this machine."""

    name: str  # as torch says it: "cpu", "cuda:0"
    label: str  # as a person reads it: "CPU (2 cores)", "NVIDIA H200"
    reason: str  # why this one

    @property
    def is_cuda(self) -> bool:
        return self.name.startswith("cuda")


def choose_device(request: str = "auto") -> Device:
    """Resolve ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises DeviceError when the request cannot be met; ``auto`` always answers.
    """
    request = request.strip().lower()
    if request == "cpu":
        return _cpu(words("CPU requested"))
    if request == "auto":
        problem = gpu_problem()
        if problem:
            return _cpu(words("no GPU: {problem}", problem=problem))
        return _cuda(0, words("a GPU was found"))
    kind, _, index = request.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()):
        raise DeviceError(
            "Unknown device '{request}'; {how_to_ask}.", request=request, how_to_ask=HOW_TO_ASK
        )
    problem = gpu_problem(int(index or 0))
    if problem:
        raise DeviceError(
            "'{request}' cannot be used: {problem}; use the CPU or {cure}.",
            request=request,
            problem=problem,
            cure=_cure(problem),
        )
    return _cuda(int(index or 0), words("{request} requested", request=request))


def gpu_problem(index: int = 0) -> str | None:
    """Why CUDA device ``index`` cannot be used, in a few words; None when it works."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return CPU_ONLY_TORCH
    with _quiet():
        if not torch.cuda.is_available():
            return _why_unavailable(torch.version.cuda)
        count = torch.cuda.device_count()
        if index >= count:
            if count == 1:
                return words("there is only 1 GPU")
            return words("there are only {count} GPUs", count=count)
        try:
            torch.ones(2, device=f"cuda:{index}").sum().item()
        except RuntimeError as error:
            return words(
                "the GPU does not work with this torch ({error})", error=_first_line(error)
            )
    return None


def set_float32(*, exact: bool) -> None:
    """Whether a GPU's convolutions multiply float32 as it is, or rounded to TF32 (10 bits).

    torch rounds in convolutions alone unless it is told; answers then differ from a CPU's by about
    1e-3. Linear layers are always exact here. Acts on the whole process.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = not exact


def _why_unavailable(built_for: str | None) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return words("CUDA_VISIBLE_DEVICES hides every GPU")
    if not driver_found():
        return words("no NVIDIA driver found")
    return words(
        "the NVIDIA driver does not work with this torch (built for CUDA {built_for})",
        built_for=built_for,
    )


def driver_found() -> bool:
    """Whether an NVIDIA driver is installed."""
    if sys.platform == "win32":
        root = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))
        return (root / "System32" / "nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def _cure(problem: str) -> str:
    if problem == CPU_ONLY_TORCH:
        return words("install a torch with CUDA")
    if "driver" in problem:
        return words("install or update the NVIDIA driver")
    return HOW_TO_ASK


def _cpu(reason: str) -> Device:
    cores = usable_cores()
    name = words("CPU (1 core)") if cores == 1 else words("CPU ({cores} cores)", cores=cores)
    return Device("cpu", name, reason)


def _cuda(index: int, reason: str) -> Device:
    import torch

    set_float32(exact=True)
    return Device(f"cuda:{index}", torch.cuda.get_device_name(index), reason)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """A driver that is too old makes torch warn; the reason that we give says it better."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
