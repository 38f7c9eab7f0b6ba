"""Device, precision and number of processes of a run, as Lightning Fabric."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import Precision as Float32
from torch import nn

from ssmamba.errors import DataError
from ssmamba.ops import compile_kernels
from ssmamba.runtime.device import gpu_problem, set_float32
from training.config import Accelerator, Precision
from training.loop.precision import Autocast
from training.loop.progress import Progress, console
from training.loop.sharding import fsdp_strategy


def make_fabric(
    accelerator: Accelerator, precision: Precision, devices: str = "1", strategy: str = "ddp"
) -> Fabric:
    """Fabric on the requested device, as one of torchrun's processes where there are several.

    float32 is exact from here on, as in the predictor (see ``set_float32``); only steps of
    training round. Raises DataError when the device cannot be used.
    """
    _refuse_device(accelerator, devices)
    kind = _device_type(accelerator)
    if precision == "16-mixed" and kind == "cpu":
        raise DataError("--precision 16-mixed needs a GPU; give bf16-mixed or 32-true.")
    try:
        count, nodes = _processes(devices)
        fabric = Fabric(
            accelerator=kind,
            devices=count,
            num_nodes=nodes,
            strategy=_strategy(strategy, count, nodes, precision),
            plugins=Float32() if precision == "32-true" else Autocast(precision, kind),
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0]
        raise DataError(
            f"The device cannot be used ({first}); choose another --accelerator, --devices or "
            "--precision."
        ) from error
    set_float32(exact=True)
    if kind == "cpu":
        _compile_kernels(quiet=not fabric.is_global_zero)
    return fabric


def _compile_kernels(quiet: bool) -> None:
    """Training waits for the fast scan: the plain one would cost more than it saves."""
    with Progress("Preparing fast kernels, once for this computer", 100, quiet) as shown:

        def tell(share: float) -> None:
            if share == 0 and not quiet:
                console.print("Preparing fast kernels, once for this computer (some seconds).")
            shown.update(round(100 * share))

        compile_kernels(tell)


def _refuse_device(accelerator: str, devices: str) -> None:
    """Raise DataError for a device that is not available."""
    if not re.fullmatch(r"auto|-1|[1-9]\d*|\d+(,\d+)+", devices):
        raise DataError(f"--devices {devices} must be 1 or more, or a list of GPUs such as 0,1.")
    problem = gpu_problem() if accelerator in ("cuda", "gpu") else None
    if problem and not (accelerator == "gpu" and torch.backends.mps.is_available()):
        raise DataError(
            f"--accelerator {accelerator} cannot be used: {problem}; give --accelerator cpu, or "
            "auto to use what is available."
        )


def _device_type(accelerator: str) -> str:
    """The type of device, "auto" and "gpu" resolved as in Fabric."""
    if accelerator not in ("auto", "gpu"):
        return accelerator
    if torch.backends.mps.is_available():
        return "mps"
    return "cuda" if accelerator == "gpu" or torch.cuda.is_available() else "cpu"


def _strategy(name: str, count: Any, nodes: int, precision: str) -> Any:
    if count == nodes == 1:
        return "auto"  # a single process
    if name == "ddp":
        # A MAMIM encoder's last norm is without gradient, which plain DDP refuses.
        return "ddp_find_unused_parameters_true"
    if not isinstance(count, int) or count < 1:
        raise DataError(f"--strategy fsdp needs --devices to be a number, not {count}.")
    if precision == "16-mixed":
        raise DataError(
            "--strategy fsdp does not work with 16-mixed; give --precision bf16-mixed, or "
            "--strategy ddp."
        )
    return fsdp_strategy(count * nodes)


def _processes(devices: str) -> tuple[Any, int]:
    """Devices on this machine and number of machines; torchrun overrides --devices."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    return (int(devices) if devices.lstrip("-").isdigit() else devices), 1


def tell_model(fabric: Fabric, label: str, model: nn.Module, init: Path | None = None) -> None:
    """Print the model, its initial weights and the device."""
    if not fabric.is_global_zero:
        return
    count = sum(p.numel() for p in model.parameters()) / 1e6
    start = f", from {init}" if init else ""
    cuda = fabric.device.type == "cuda"
    device = torch.cuda.get_device_name(fabric.device) if cuda else fabric.device.type.upper()
    many = f"{fabric.world_size} × " if fabric.world_size > 1 else ""
    console.print(f"{label}, {count:.1f} million parameters{start}, on {many}{device}.")


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)
