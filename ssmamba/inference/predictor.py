"""From pixels to class probabilities with one checkpoint, in batches, on a device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint as checkpoints
from ssmamba.checkpoints.card import require_classes
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.checkpoints.torchscript import TorchScriptNetwork
from ssmamba.errors import DeviceError
from ssmamba.inference.frozen import freeze
from ssmamba.models import SSMamba
from ssmamba.models.build import head_of
from ssmamba.models.convnets import fuse_batch_norm
from ssmamba.ops import adopt_kernels
from ssmamba.reading.preprocess import Images, to_tensor
from ssmamba.runtime.cuda_graphs import GraphedForward
from ssmamba.runtime.device import Device, choose_device
from ssmamba.runtime.memory import is_out_of_memory, keep_freed_memory
from ssmamba.wording import words

if TYPE_CHECKING:
    from ssmamba.inference.frozen.network import FrozenNetwork

BATCH = {"cpu": 8, "cuda": 64}  # images at once; on a CPU small, so that a job can be cancelled
CLEAR = 0.95  # probability of the first class from which an answer in bfloat16 stands
MOVED_TO_CPU = words("moved to the CPU: the GPU is out of memory")

Precision = Literal["float32", "bfloat16", "auto"]
T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """A classifier's answers for N images; classes in the order of the card."""

    probabilities: np.ndarray  # (N, K) float32, temperature applied
    logits: np.ndarray  # (N, K) float32, as the head gives them
    features: np.ndarray  # (N, F) float32, compared with the training images by the judge


class Predictor:
    """A classifier checkpoint on a device. Not for use from several threads at once.

    Args:
        source: a checkpoint file, or one that is loaded.
        device: a Device, or what ``choose_device`` takes.
        batch_size: images at once; None = by device. It halves itself when a GPU runs out of
            memory, and the model moves to the CPU at last (``notes`` then says so).
        precision: float32 gives what ``evaluate`` gives; bfloat16 is for large jobs on CUDA; auto
            is float32 on CUDA, and on a CPU bfloat16 in those operations in which it pays here.
        graphs: replay CUDA graphs on a GPU: quicker answers to few windows of the same size.
    """

    def __init__(
        self,
        source: Path | str | Checkpoint,
        device: Device | str = "auto",
        batch_size: int | None = None,
        precision: Precision = "float32",
        graphs: bool = False,
    ) -> None:
        self.device = choose_device(device) if isinstance(device, str) else device
        loaded = source if isinstance(source, Checkpoint) else checkpoints.load(source)
        require_classes(loaded.card, loaded.path.name)
        self.checkpoint = loaded
        self.card = loaded.card
        # bfloat16 and graphs are tried on networks of ours alone
        self.precision: Precision = "float32" if self.card.is_torchscript else precision
        self.notes: tuple[str, ...] = ()
        self.batch_size = batch_size or BATCH["cuda" if self.device.is_cuda else "cpu"]
        if not self.device.is_cuda:
            keep_freed_memory()
        try:
            self.model = loaded.model.to(self.device.name).eval()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._move_to_cpu()
        fuse_batch_norm(self.model)
        self._frozen: FrozenNetwork | None = None
        graphs = graphs and self.device.is_cuda and not self.card.is_torchscript
        self._graphed = GraphedForward(self._forward) if graphs else None

    def twin(self) -> Predictor:
        """Another one with the same weights, for another thread; the CPU alone has use for it."""
        weights = chain(self.model.parameters(), self.model.buffers())
        twin = copy.copy(self)
        twin.model = copy.deepcopy(self.model, {id(tensor): tensor for tensor in weights})
        twin._frozen = None  # its own, as two threads would choose precisions at once
        return twin

    def predict(self, images: Images) -> Prediction:
        """Classify HWC, NHWC or a list of HWC uint8 RGB images of any square size."""
        if isinstance(images, np.ndarray) and images.ndim == 3:
            images = images[None]
        adopt_kernels()
        return self._joined(self.batched(images, self.predict_tensor))

    def batched(self, images: Images, work: Callable[[Tensor], T]) -> list[T]:
        """What ``work`` gives for each batch of N square images, normalised, (B, 3, H, W).

        Where a GPU's memory is short the batches become smaller, then the model moves to the CPU.
        """
        results: list[T] = []
        start = 0
        while start < len(images):
            batch = to_tensor(images[start : start + self.batch_size], self.card.input)
            try:
                results.append(work(batch))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                start += len(batch)
                continue
            self.make_room()  # outside: a traceback being handled keeps every layer's result
        return results

    def predict_tensor(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised (B, 3, H, W) -> logits (B, K) and features (B, F), float32 on the CPU."""
        batch = batch.to(self.device.name, non_blocking=True)
        if self._graphed is not None and self.device.is_cuda:
            logits, features = self._graphed(batch)
        else:
            logits, features = self._forward(batch)
        return logits.float().cpu(), features.float().cpu()

    def _forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        lower = self.precision == "bfloat16" and self.device.is_cuda
        with (
            torch.inference_mode(),
            torch.autocast(
                batch.device.type,
                dtype=torch.bfloat16,
                enabled=lower,
                cache_enabled=self._graphed is None,  # a graph must not keep another one's casts
            ),
        ):
            frozen = self._frozen_network()
            if frozen is None:
                return logits_and_features(self.model, batch)
            return self._clear_answers(frozen, batch)

    def _clear_answers(self, frozen: FrozenNetwork, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Images whose answer is not clear are answered again in float32.

        A rounding moves a probability the more, the nearer it is to one half: logits that are off
        by .03 leave .97 where it is, and would make .55 of .52.
        """
        logits, features = frozen(batch)
        if frozen.precisions.lower:
            best = (logits / self.card.calibration.temperature).softmax(1).amax(1)
            unclear = torch.nonzero(~(best >= CLEAR)).flatten()
            if len(unclear):
                with frozen.precisions.exact():
                    logits[unclear], features[unclear] = frozen(batch[unclear])
        return logits, features

    def _frozen_network(self) -> FrozenNetwork | None:
        """The model with its weights packed for the CPU, as soon as the kernels are there."""
        if self._frozen is None and not self.device.is_cuda:
            self._frozen = freeze(self.model, lower=self.precision != "float32")
        return None if self.device.is_cuda else self._frozen

    @property
    def answered_in(self) -> str:
        """The precision of the answers: bfloat16 if any operation was lowered, else float32."""
        if self.device.is_cuda:
            return "bfloat16" if self.precision == "bfloat16" else "float32"
        lowered = self._frozen is not None and self._frozen.precisions.lowered
        return "bfloat16" if lowered else "float32"

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Softmax of (N, K) logits divided by the card's temperature; where they are not finite,
        all classes alike."""
        logits = np.where(np.isfinite(logits).all(axis=-1, keepdims=True), logits, 0.0)
        scaled = logits.astype(np.float64) / self.card.calibration.temperature
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)

    def make_room(self) -> None:
        """After an out-of-memory error: a smaller batch, then the CPU. Raises DeviceError."""
        if not self.device.is_cuda:
            raise DeviceError("There is not enough memory for this model; close other programs.")
        if self._graphed is not None:
            self._graphed.clear()
        if self.batch_size > 1:
            self.batch_size //= 2
        else:
            self._move_to_cpu()
        torch.cuda.empty_cache()

    def _move_to_cpu(self) -> None:
        self.device = Device("cpu", choose_device("cpu").label, words("the GPU is out of memory"))
        self.model = self.checkpoint.model.to("cpu").eval()
        self.batch_size = BATCH["cpu"]
        self.notes = (MOVED_TO_CPU,)

    def _joined(self, pieces: list[tuple[Tensor, Tensor]]) -> Prediction:
        if not pieces:
            classes = len(self.card.classes)
            empty = np.zeros((0, classes), np.float32)
            return Prediction(empty, empty, np.zeros((0, 0), np.float32))
        logits, features = (torch.cat(part).numpy() for part in zip(*pieces, strict=True))
        return Prediction(self.probabilities(logits), logits, features)


def logits_and_features(model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, K) and the features (B, F) by which foreign images are recognised.

    They are the style of SSMamba's first stages and behind it what its head reads; of other models
    the latter alone.
    """
    if isinstance(model, SSMamba):
        return model.forward_with_features(batch)
    if isinstance(model, TorchScriptNetwork):
        logits = model(batch)
        return logits, logits  # what is inside cannot be seen
    seen: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs[0])

    with head_of(model).register_forward_pre_hook(keep):
        logits = model(batch)
    return logits, seen[0].flatten(1)
