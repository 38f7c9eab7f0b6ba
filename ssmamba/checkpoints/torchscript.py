"""TorchScript files from anybody: what is looked at before and after torch reads one.

Such a file is a program for torch's own operators. It is read only if it cannot run anything while
it is read, and kept only if it has no operators but those that compute on tensors.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssmamba.checkpoints.torchscript_weights import check_weights
from ssmamba.errors import CheckpointError
from ssmamba.wording import words

NAMESPACES = ("aten", "prim")  # operators of others do other things
# Operators that reach beyond tensors, or that run code which is not in the checked graph.
REFUSED = frozenset({
    "aten::save", "aten::from_file", "aten::set_data", "aten::_print", "prim::Print",
    "prim::CallFunction", "prim::CallMethod", "prim::fork", "prim::awaitable",
    "prim::awaitable_wait", "prim::rpc_async", "prim::rpc_sync", "prim::rpc_remote",
    "prim::PythonOp", "prim::IgnoredPythonOp",
})  # fmt: skip
RUNS_WHEN_READ = b"__setstate__"
MOST_CODE_BYTES = 256 << 20  # unpacked; the tensors are stored as they are
LFS = b"version https://git-lfs"
GET_AGAIN = words("download it again, or ask its author.")
SAME = 1e-3  # by which answers to one image may differ, relative to the largest


class TorchScriptNetwork(nn.Module):
    """A TorchScript network as a classifier: (B, 3, H, W) -> logits (B, K).

    one_logit: the network has one output, the logit of one class against none; K is 2 then.
    """

    def __init__(self, script: torch.jit.ScriptModule, one_logit: bool = False) -> None:
        super().__init__()
        self.script, self.one_logit = script, one_logit

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.script.forward(x)  # past hooks, which no check has seen
        if not self.one_logit:
            return logits
        logit = logits.reshape(-1, 1)
        return torch.cat([torch.zeros_like(logit), logit], 1)


def load_network(
    path: Path, classes: int, side: int, one_logit: bool = False
) -> TorchScriptNetwork:
    """Read a TorchScript file and try it on an image. Raises CheckpointError.

    classes: logits that it must give; side: of the images that it reads, pixels.
    """
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch 2.14 says that TorchScript is deprecated
            script = torch.jit.load(str(path), map_location="cpu")
        _check_operators(path, script.inlined_graph)
    except CheckpointError:
        raise
    except Exception as error:  # what torch's reader raises of a damaged file is not known
        raise CheckpointError(
            "{path} cannot be read as TorchScript ({error}); {get_again}",
            path=path,
            error=_first_line(error),
            get_again=GET_AGAIN,
        ) from error
    network = TorchScriptNetwork(script.eval(), one_logit).eval()
    network.requires_grad_(False)
    _try_out(path, network, classes, side)
    return network


def _check_archive(path: Path) -> None:
    """Raise CheckpointError for a damaged archive, one that unpacks to more than it states, and
    one whose code would run while it is read."""
    try:
        with path.open("rb") as file:
            if file.read(len(LFS)) == LFS:
                raise CheckpointError(
                    "{path} is Git LFS's note of where the model lies, not the model itself; "
                    "fetch it with 'git lfs pull', or download the file.",
                    path=path,
                )
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            packed = sum(e.file_size for e in entries if e.compress_type != zipfile.ZIP_STORED)
            if packed > MOST_CODE_BYTES:
                raise CheckpointError(
                    "{path} unpacks to {mebibytes} MiB of code; {get_again}",
                    path=path,
                    mebibytes=packed >> 20,
                    get_again=GET_AGAIN,
                )
            damaged = archive.testzip()
            if damaged is not None:
                raise CheckpointError(
                    "{path} is damaged in {damaged}; {get_again}",
                    path=path,
                    damaged=damaged[:80],
                    get_again=GET_AGAIN,
                )
            for entry in entries:
                name = entry.filename.partition("/")[2]
                if name == "model.json":
                    raise CheckpointError(
                        "{path} is TorchScript of torch before 1.4; save it again.", path=path
                    )
                if name.startswith("code/") and RUNS_WHEN_READ in archive.read(entry):
                    raise CheckpointError(
                        "{path} would run code while it is read ({what} in "
                        "{name}), so it is not; export the model without it.",
                        path=path,
                        what=RUNS_WHEN_READ.decode(),
                        name=name[:80],
                    )
            check_weights(archive)
    except CheckpointError:
        raise
    except Exception as error:  # what zipfile and pickle raise of damaged files is not listed
        raise CheckpointError(
            "{path} is not a readable TorchScript file ({error}); {get_again}",
            path=path,
            error=_first_line(error),
            get_again=GET_AGAIN,
        ) from error


def _check_operators(path: Path, graph: Any) -> None:
    """Raise CheckpointError for an operator that does more than compute."""
    for kind in _kinds(graph):
        if kind.partition("::")[0] not in NAMESPACES or kind in REFUSED:
            raise CheckpointError(
                "{path} uses the operator {kind}, which no model needs here, so it is "
                "not run; export the model without it.",
                path=path,
                kind=kind[:80],
            )


def _kinds(graph: Any) -> Iterator[str]:
    """Names of all operators in a graph, those of its branches, loops and subgraphs too."""
    for node in graph.nodes():
        yield node.kind()
        for block in node.blocks():
            yield from _kinds(block)
        for name in node.attributeNames():
            if node.kindOf(name) == "g":
                yield from _kinds(node.g(name))
            elif node.kindOf(name) == "gs":
                for inner in node.gs(name):
                    yield from _kinds(inner)


@torch.inference_mode()
def _try_out(path: Path, network: TorchScriptNetwork, classes: int, side: int) -> None:
    """Raise CheckpointError unless an image has one answer of numbers, alone and beside another."""
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    try:
        both, alone = network(images), network(images[:1])
    except Exception as error:  # what a foreign forward pass may raise is not known
        raise CheckpointError(
            "{path} does not take images of {side} pixels ({error}); {get_again}",
            path=path,
            side=side,
            error=_first_line(error),
            get_again=GET_AGAIN,
        ) from error
    if not isinstance(both, Tensor) or both.shape != (2, classes) or alone.shape != (1, classes):
        shape = tuple(both.shape) if isinstance(both, Tensor) else type(both).__name__
        raise CheckpointError(
            "{path} answers two images with {shape} and not with {expected}, a number "
            "for each of its classes; {get_again}",
            path=path,
            shape=shape,
            expected=(2, classes),
            get_again=GET_AGAIN,
        )
    if not torch.isfinite(both).all():
        raise CheckpointError(
            "{path} answers with what is no number (NaN), as a trace of compiled kernels does; "
            "export the model again.",
            path=path,
        )
    if (both[:1] - alone).abs().max() > SAME * (1 + both.abs().max()):
        raise CheckpointError(
            "{path} answers an image otherwise when another one is beside it, as a model saved in "
            "training mode does; export it again after model.eval().",
            path=path,
        )


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[
        :120
    ].strip()
