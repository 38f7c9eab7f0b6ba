"""Networks as files: TorchScript, and programs of torch.export."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from ssmamba.ops.eager import plain_operations

EXAMPLES = 2  # images that are recorded: one would be taken for the only size of batch
MOST_IMAGES = 1 << 16  # in a batch of a program of torch.export
NOTES = ".debug_pkl"  # of TorchScript: where each line came from, with paths of this computer
EARLIEST = (1980, 1, 1, 0, 0, 0)  # one network makes one file, whenever it is written


def write_torchscript(path: Path, network: nn.Module, side: int) -> None:
    """Record a network as TorchScript, for batches of any size, of images of ``side`` pixels.

    It is made in memory: torch's own writer ends the process where the disk is full.
    """
    made = io.BytesIO()
    with warnings.catch_warnings(), plain_operations():
        warnings.simplefilter("ignore")  # deprecation, and shapes that are taken for constants
        example = torch.zeros(EXAMPLES, 3, side, side)
        traced = torch.jit.trace(network, example, check_trace=False)
        torch.jit.save(traced, made)
    _write_without_notes(path, made)


def write_program(path: Path, network: nn.Module, side: int) -> None:
    """Record a network as a program of torch.export, for batches of any size."""
    batch = torch.export.Dim("batch", min=1, max=MOST_IMAGES)
    with warnings.catch_warnings(), plain_operations():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            network,
            (torch.zeros(EXAMPLES, 3, side, side),),
            dynamic_shapes=({0: batch},),
            strict=False,
        )
        for module in program.graph_module.modules():
            for node in getattr(getattr(module, "graph", None), "nodes", ()):
                node.meta.pop("stack_trace", None)  # paths of this computer
        made = io.BytesIO()  # as for TorchScript
        torch.export.save(program, made)
        path.write_bytes(made.getbuffer())


def read_program(path: Path) -> nn.Module:
    """The network of a program that was just written."""
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        return torch.export.load(file).module()


def _write_without_notes(path: Path, made: io.BytesIO) -> None:
    """Write a TorchScript archive without its notes, and with one name inside."""
    with zipfile.ZipFile(made) as archive:
        kept = [(e.filename.partition("/")[2], archive.read(e)) for e in archive.infolist()
                if not e.filename.endswith(NOTES)]  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in kept:
            archive.writestr(zipfile.ZipInfo(f"torchscript_model/{name}", EARLIEST), data)
