"""Class activation maps, with raw values at the layer's own grid.

The formulas are those of the grad-cam package, to which tests hold them; the package itself would
bring matplotlib, torchvision and scikit-learn into the process, 160 MB and seconds of a first map.
It stretches every map to 0..1, so that a blank image looks like evidence; here the values are kept.
Maps are signed where the method is: what the original papers clip by a ReLU is left to the colour
scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    full_precision = torch.autocast(batch.device.type, enabled=False)  # NumPy has no bfloat16
    with _prepared(model), torch.enable_grad(), full_precision:
        activations, gradients = _evidence(model, target, batch, class_index, chosen.uses_class)
        if chosen.needs_zero and target.has_offset:
            activations = activations - _activations_of_nothing(model, target, batch)
        maps = np.asarray(_FORMULAS[chosen.name](activations, gradients), np.float32)
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


def _evidence(
    model: nn.Module, target: CamTarget, batch: Tensor, class_index: int, differentiate: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The layer's activations and the gradient of the images' logits there, (B, C, h, w) float32.

    The graph is cut at the layer: nothing below it is differentiated.
    """
    kept: list[Tensor] = []

    def cut(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_(True))
        return kept[-1].clone()  # what comes next may change its input in place

    with target.layer.register_forward_hook(cut):
        logits = model(batch)
    layer = gradient = kept[0]
    if differentiate:
        classes = logits.shape[1]
        if not 0 <= class_index < classes:
            raise InputError(
                "The model has no class number {class_index}; choose one from 0 to {last}.",
                class_index=class_index,
                last=classes - 1,
            )
        (gradient,) = torch.autograd.grad(logits[:, class_index].sum(), layer)
    reshape = target.reshape or (lambda maps: maps)
    activations, gradients = (reshape(x.detach()).float().cpu().numpy() for x in (layer, gradient))
    return activations, gradients


def _weighed(weights: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """Feature maps (B, C, h, w) added up with a weight for each (B, C)."""
    return (weights[:, :, None, None] * activations).sum(axis=1)


def _grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return _weighed(gradients.mean(axis=(2, 3)), activations)


def _grad_cam_plus_plus(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    square = gradients**2
    total = activations.sum(axis=(2, 3), keepdims=True)
    share = square / (
        2 * square + total * (square * gradients) + 1e-6
    )  # Chattopadhay et al. Eq. 19
    share = np.where(gradients != 0, share, 0)
    return _weighed((np.maximum(gradients, 0) * share).sum(axis=(2, 3)), activations)  # Eq. 7


def _hires_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return (gradients * activations).sum(axis=1)


def _layer_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return (np.maximum(gradients, 0) * activations).sum(axis=1)


def _element_wise(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return np.maximum(gradients * activations, 0).sum(axis=1)


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
    (h·w) × (h·w) one that grad-cam's SVD needs minutes for in stage 1.
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


# Activations and gradients (B, C, h, w) -> maps (B, h, w), by the names of METHODS.
_FORMULAS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "GradCAM": _grad_cam,
    "GradCAM++": _grad_cam_plus_plus,
    "HiResCAM": _hires_cam,
    "LayerCAM": _layer_cam,
    "ElementWise": _element_wise,
    "EigenGradCAM": _eigen_gradient,
    "EigenCAM": _eigen_activation,
}


@contextmanager
def _prepared(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen weights; everything is put back afterwards."""
    training = model.training
    weights = [p for p in model.parameters() if p.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    model.eval()
    try:
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
