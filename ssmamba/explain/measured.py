"""Where a network keeps its grid of features, measured on one forward pass.

Names say little: behind ``stages`` some networks give (B, C, H, W) and others (B, H, W, C), tokens
come with none or many prefix tokens, and some are not in raster order. So three pictures are read:
noise, the same with a change that grows downwards, and one with a change that grows to the right.
A reading of an output as a grid holds where its rows answer to the first change and its columns to
the second. Tokens for which no reading holds are not used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ssmamba.errors import CheckpointError

HOLDS = 0.6  # correlation of place and answer from which a reading holds; wrong ones have < .4
MOST_PREFIX = 16  # class and register tokens
LEAST_SIDE = 128  # pixels, four cells at a stride of 32
CHANGE = 0.5  # of the pictures' standard deviation, where the change is largest
ANSWERING = 0.01  # share of cells with a gradient; each stride of 2 without overlap leaves 1/4
FAINTEST = -1.5  # log10 of the change at the top or left against that


@dataclass(frozen=True)
class Layout:
    """How an output holds a grid of cells."""

    axes: str  # BCHW | BHWC | BNC (tokens) | BCN
    prefix: int = 0  # tokens that are no cells; below 0 they come last

    def grid_of(self, output: Tensor, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of cells in the output for an input of ``size`` (height, width)."""
        if self.axes in ("BCHW", "BHWC"):
            first = 2 if self.axes == "BCHW" else 1
            return output.shape[first], output.shape[first + 1]
        count = output.shape[self.axes.index("N")] - abs(self.prefix)
        grids = [(r, c) for r, c, rest in _token_grids(count, size) if rest == 0]
        if not grids:
            raise CheckpointError(
                "{count} tokens are no grid for images of {width} × {height} px; choose "
                "another model for CAMs.",
                count=count,
                width=size[1],
                height=size[0],
            )
        return grids[0]

    def maps(self, output: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, h, w) of an output."""
        if self.axes == "BCHW":
            return output
        if self.axes == "BHWC":
            return output.permute(0, 3, 1, 2)
        grid = self.grid_of(output, size)
        tokens = output.mT if self.axes == "BCN" else output
        cells = tokens[:, self.prefix :] if self.prefix >= 0 else tokens[:, : self.prefix]
        return cells.unflatten(1, grid).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Place:
    """A module whose output is a grid, as it was measured."""

    name: str
    layout: Layout
    grid: tuple[int, int]
    signed: bool  # whether values below 0 occur
    is_norm: bool
    answers: bool = False  # whether the model's answer depends on the cells, not on a class token


@dataclass(frozen=True)
class Measured:
    """The grids of a network."""

    size: tuple[int, int]  # (height, width) of the input that was measured, pixels
    places: list[Place]  # in the order of the forward pass
    doubtful: set[str]  # modules whose output could be a grid by its shape alone


_found: WeakKeyDictionary[nn.Module, dict[tuple[int, int], Measured]] = WeakKeyDictionary()


def measure(model: nn.Module, size: tuple[int, int]) -> Measured:
    """The grids of a network for inputs of ``size`` (height, width) pixels.

    For small inputs a larger one is measured where the network takes it, so that its last stages
    have more than a few cells. The answer is remembered as long as the network lives.
    """
    known = _found.setdefault(model, {})
    rows, columns = (side * math.ceil(LEAST_SIDE / min(size)) for side in size)
    larger = (rows, columns)
    if larger != size and larger not in known:
        try:
            known[larger] = _measure(model, larger)
        except Exception:  # many networks take one size, and each refuses others its own way
            known[larger] = Measured(larger, [], set())
    if larger != size and known[larger].places:
        return known[larger]
    if size not in known:
        known[size] = _measure(model, size)
    return known[size]


@torch.no_grad()
def _measure(model: nn.Module, size: tuple[int, int]) -> Measured:
    """Without autocast, whose rounding would hide the faintest changes."""
    with torch.autocast(next(model.parameters()).device.type, enabled=False):
        return _measured(model, size)


def _measured(model: nn.Module, size: tuple[int, int]) -> Measured:
    images = _pictures(size, next(model.parameters()))
    found: dict[str, Place] = {}
    doubtful: set[str] = set()
    ran: set[str] = set()

    def listen(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, _inputs: object, output: object) -> None:
            again = name in ran  # its outputs could not be told apart
            ran.add(name)
            found.pop(name, None)
            readings = [] if again else _readings(output, size)
            if isinstance(output, Tensor) and readings:
                place = _place(name, module, output, readings, size)
                if place is None:
                    doubtful.add(name)
                else:
                    found[name] = place

        return hook

    with _listening(model, listen):
        model(images)
    slopes = _gradients(model, set(found), images[:1]) if found else {}
    for name, slope in slopes.items():
        cells = found[name].layout.maps(slope, size).ne(0).any(dim=1)
        found[name] = replace(found[name], answers=bool(cells.float().mean() > ANSWERING))
    return Measured(size, list(found.values()), doubtful)


def _gradients(model: nn.Module, names: set[str], image: Tensor) -> dict[str, Tensor]:
    """Of the answer, at the outputs of modules. Weights that are all zero, as those of an untrained
    head, are others in the meantime."""
    kept: dict[str, Tensor] = {}

    def listen(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if name in names and isinstance(output, Tensor):
                output.retain_grad()
                kept[name] = output

        return hook

    random = torch.Generator().manual_seed(0)
    zeros = [p for p in model.parameters() if p.dim() > 1 and not p.any()]
    for weight in zeros:
        weight.copy_(0.02 * torch.randn(weight.shape, generator=random))
    try:
        with _listening(model, listen), torch.enable_grad():
            model(image.clone().requires_grad_())[0, 0].backward(inputs=list(kept.values()))
    finally:
        for weight in zeros:
            weight.zero_()
    return {name: output.grad for name, output in kept.items() if output.grad is not None}


@contextmanager
def _listening(
    model: nn.Module, listen: Callable[[str], Callable[[nn.Module, object, object], None]]
) -> Iterator[None]:
    """Hooks on every part of a network in eval mode; both are put back."""
    modes = {module: module.training for module in model.modules()}
    handles = [part.register_forward_hook(listen(name)) for name, part in model.named_modules()]
    model.eval()
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training


def _pictures(size: tuple[int, int], like: Tensor) -> Tensor:
    """(3, 3, H, W): noise, changed downwards, changed to the right."""
    random = torch.Generator().manual_seed(0)
    base, change = (torch.randn(1, 3, *size, generator=random) for _ in range(2))
    down, right = (CHANGE * torch.logspace(FAINTEST, 0, side) for side in size)
    images = torch.cat([base, base + change * down[:, None], base + change * right])
    return images.to(like.device, like.dtype)


def _place(
    name: str, module: nn.Module, output: Tensor, readings: list[Layout], size: tuple[int, int]
) -> Place | None:
    """The reading that holds best; a later one must be better, not equal.

    The only reading of four axes need not hold: a deep untrained network may answer too faintly.
    """
    best, held = (readings[0] if output.dim() == 4 and len(readings) == 1 else None), HOLDS
    for layout in readings:
        maps = layout.maps(output, size).float()
        score = _agreement((maps[1:] - maps[:1]).norm(dim=1))
        if score > held:
            best, held = layout, score + 0.02
    if best is None:
        return None
    is_norm = "norm" in type(module).__name__.lower()
    return Place(name, best, best.grid_of(output, size), bool((output < 0).any()), is_norm)


def _readings(output: object, size: tuple[int, int]) -> list[Layout]:
    """The layouts whose grid has the shape of the input, at more than one cell."""
    if not isinstance(output, Tensor) or output.dim() not in (3, 4) or len(output) != 3:
        return []
    if output.dim() == 4:
        return [Layout(a) for a, at in (("BCHW", 2), ("BHWC", 1)) if _is_grid(output, at, size)]
    return [
        Layout(axes, prefix)
        for axes, count in (("BNC", output.shape[1]), ("BCN", output.shape[2]))
        for rows, columns, rest in _token_grids(count, size)
        if rest <= min(MOST_PREFIX, rows * columns) and rows * columns > 1
        for prefix in sorted({rest, -rest}, reverse=True)
    ]


def _token_grids(count: int, size: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """(rows, columns, tokens left over) of grids in the input's shape, the fullest first."""
    height, width = size
    for rows in range(min(height, count), 0, -1):
        columns = round(width * rows / height)
        if columns >= 1 and rows * columns <= count:
            yield rows, columns, count - rows * columns


def _is_grid(output: Tensor, axis: int, size: tuple[int, int]) -> bool:
    """Whether an axis and the next one have the shape of the input, at more than one cell."""
    (rows, columns), (height, width) = output.shape[axis : axis + 2], size
    fits = rows <= height and columns <= width and abs(columns - width * rows / height) < 1
    return fits and rows * columns > 1


def _agreement(answers: Tensor) -> float:
    """How well rows and columns answer to the two changes; answers: (2, h, w)."""
    logs = (answers.double() + 1e-30).log().cpu()
    scores = []
    for axis, count in enumerate(logs.shape[1:]):
        if count > 1:
            place = torch.arange(count, dtype=torch.float64).expand_as(logs[axis].movedim(axis, 1))
            pair = torch.stack([logs[axis].movedim(axis, 1).flatten(), place.flatten()])
            scores.append(float(torch.corrcoef(pair)[0, 1].nan_to_num()))
    return min(scores)
