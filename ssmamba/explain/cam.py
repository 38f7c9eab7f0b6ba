"""Class activation maps through grad-cam, with raw values at the layer's own grid.

grad-cam stretches every map to 0..1, so that a blank image looks like evidence; here its hooks
and weights are used and the values are kept. Maps are signed where the method is: what the
original papers clip by a ReLU is left to the colour scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.config import STRIDES
from ssmamba.errors import InputError
from ssmamba.explain.layers import CamTarget, cam_target
from ssmamba.explain.methods import find_method


def cam_maps(
    model: nn.Module, batch: Tensor, method: str, class_index: int, stage: int = 4
) -> np.ndarray:
    """Raw maps of one class, (B, h, w) float32, signed.

    Where H or W is no multiple of the stage's stride, the last row or column of cells reaches
    beyond the image: ``spanned_cells`` tells how many cells the image spans.

    Args:
        model: a classifier on the device of ``batch``; its mode is left as it was.
        batch: (B, 3, H, W) float32, normalised.
        method: a name of METHODS.
        class_index: column of the logits, from 0; methods that ignore the class ignore it.
        stage: 1 (fine) to 4 (coarse).

    Raises InputError for an unknown method, class or stage. One call at a time per model.
    """
    chosen = find_method(method)
    target = cam_target(model, stage, (batch.shape[2], batch.shape[3]))
    targets = [_logit(class_index)] * len(batch)
    full_precision = torch.autocast(batch.device.type, enabled=False)  # NumPy has no bfloat16
    with _prepared(model, target.layer), torch.enable_grad(), full_precision:
        cam = _grad_cam()[chosen.name](model, [target.layer], target.reshape)
        # behind grad-cam's own hook: what comes next may change its input in place
        copied = target.layer.register_forward_hook(lambda _m, _i, output: output.clone())
        if chosen.needs_zero and target.has_offset:
            cam.zero = _activations_of_nothing(model, target, batch)
        try:
            cam.forward(batch, targets)
            maps = cam.raw_maps
        finally:
            copied.remove()
            cam.activations_and_grads.release()
            cam.outputs = None
    return _without_padding(np.nan_to_num(maps), target, batch)


def spanned_cells(
    model: nn.Module, stage: int, size: tuple[int, int], shape: tuple[int, int]
) -> tuple[float, float] | None:
    """Rows and columns of a map that an image spans, 7.5 of 8 for 240 px at a stride of 32.

    size: (height, width) of the image, pixels; shape: (h, w) of ``cam_maps``'. None = all of them.
    """
    stride = cam_target(model, stage, size).stride
    if stride is None:
        return None
    rows, columns = (_spanned(side, count, stride) for side, count in zip(size, shape, strict=True))
    return None if (rows, columns) == shape else (rows, columns)


def warm_up() -> None:
    """Import grad-cam, which takes seconds, before someone waits for it."""
    _grad_cam()


@cache
def _grad_cam() -> dict[str, Any]:
    """grad-cam's classes by the names of METHODS, each changed to keep its raw maps."""
    import pytorch_grad_cam as package  # matplotlib, torchvision and scikit-learn come along

    return {
        "GradCAM": _raw(package.GradCAM),
        "GradCAM++": _raw(package.GradCAMPlusPlus),
        "HiResCAM": _raw(package.HiResCAM),
        "LayerCAM": _raw(package.LayerCAM),
        "ElementWise": _raw(package.GradCAMElementWise),
        "EigenGradCAM": _raw(package.EigenGradCAM, _eigen_gradient),
        "EigenCAM": _raw(package.EigenCAM, _eigen_activation),
    }


def _logit(class_index: int) -> Callable[[Tensor], Tensor]:
    """Target for grad-cam: one of an image's logits (K,). Raises InputError."""

    def target(logits: Tensor) -> Tensor:
        if not 0 <= class_index < len(logits):
            raise InputError(
                f"The model has no class number {class_index}; choose one from 0 to "
                f"{len(logits) - 1}."
            )
        return logits[class_index]

    return target


def _raw(method: Any, cam_image: Any = None) -> Any:
    """A grad-cam class that leaves (B, h, w) values in ``raw_maps``: no ReLU, scale or resize."""

    def compute_cam_per_layer(
        self: Any, input_tensor: Tensor, targets: list, eigen_smooth: bool
    ) -> list[np.ndarray]:
        store = self.activations_and_grads
        activations = store.activations[0].float().numpy()
        gradients = store.gradients[0].float().numpy() if store.gradients else None
        activations = activations - self.zero
        if cam_image is not None:
            maps = cam_image(activations, gradients)
        else:
            maps = self.get_cam_image(
                input_tensor, self.target_layers[0], targets, activations, gradients, eigen_smooth
            )
        self.raw_maps = np.asarray(maps, np.float32)
        return [self.raw_maps[:, None]]

    def aggregate_multi_layers(self: Any, maps: list[np.ndarray]) -> np.ndarray:
        return maps[0][:, 0]

    body = {
        "zero": 0.0,  # (1, C, 1, 1) where the layer's own zero means nothing
        "compute_cam_per_layer": compute_cam_per_layer,
        "aggregate_multi_layers": aggregate_multi_layers,
    }
    return type(f"Raw{method.__name__}", (method,), body)


def _activations_of_nothing(model: nn.Module, target: CamTarget, batch: Tensor) -> np.ndarray:
    """Mean activations (1, C, 1, 1) of an even image in the mean colour of the training data."""
    kept: list[Tensor] = []
    hook = target.layer.register_forward_hook(lambda _m, _i, output: kept.append(output))
    with hook, torch.no_grad():
        model(torch.zeros_like(batch[:1]))
    maps = kept[0] if target.reshape is None else target.reshape(kept[0])
    return maps.detach().float().mean(dim=(2, 3), keepdim=True).cpu().numpy()


def _eigen_activation(activations: np.ndarray, gradients: Any) -> np.ndarray:
    return _main_pattern(activations, reference=np.linalg.norm(activations, axis=1))


def _eigen_gradient(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    product = activations * gradients
    return _main_pattern(product, reference=product.sum(axis=1))


def _main_pattern(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Project (B, C, h, w) on the first principal axis of each image, (B, h, w).

    A principal axis has no direction of its own (grad-cam's comes out either way): it is turned
    so that the map agrees with ``reference`` (B, h, w). The C × C problem is solved, not the
    (h·w) × (h·w) one that grad-cam's full SVD needs minutes for in stage 1.
    """
    maps = []
    for image, wanted in zip(values, reference, strict=True):
        tokens = torch.from_numpy(image).flatten(1).T.double()  # (h·w, C)
        tokens = tokens - tokens.mean(dim=0)
        axis = torch.linalg.eigh(tokens.T @ tokens).eigenvectors[:, -1]
        projected = (tokens @ axis).numpy()
        agrees = projected @ (wanted.ravel() - wanted.mean()) >= 0
        maps.append((projected if agrees else -projected).reshape(image.shape[1:]))
    return np.stack(maps)


@contextmanager
def _prepared(model: nn.Module, layer: nn.Module) -> Iterator[None]:
    """Cut the graph at the layer and freeze the weights; put everything back afterwards.

    The gradient is wanted at the layer's output alone, so nothing below it is differentiated.
    grad-cam sets eval mode for good, and without this the weights would gather gradients.
    """
    training = model.training
    weights = [p for p in model.parameters() if p.requires_grad]

    def cut(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        return output.detach().requires_grad_(True)

    for weight in weights:
        weight.requires_grad_(False)
    try:
        with layer.register_forward_hook(cut):
            yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
        model.train(training)


def _without_padding(maps: np.ndarray, target: CamTarget, batch: Tensor) -> np.ndarray:
    """Leave out cells that lie beyond the image: some backbones pad it to a multiple of 32 px."""
    if target.stride is None:
        return np.ascontiguousarray(maps)
    rows, columns = (
        math.ceil(_spanned(side, count, target.stride))
        for side, count in zip(batch.shape[2:], maps.shape[1:], strict=True)
    )
    return np.ascontiguousarray(maps[:, :rows, :columns])


def _spanned(side: int, count: int, stride: int) -> float:
    """How many of ``count`` cells an image side spans; all where the network strides otherwise."""
    padded = math.ceil(side / STRIDES[-1]) * STRIDES[-1]
    return side / stride if side // stride <= count <= padded // stride else count
