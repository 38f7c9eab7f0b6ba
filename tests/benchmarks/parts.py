"""Where the time of an SSMamba forward pass goes: each part's own time, without parts inside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

from torch import nn

from ssmamba.layers import mixers
from ssmamba.layers.local import ConvDownsample, PatchMerge, Stem
from ssmamba.layers.scan_params import ScanParameters
from ssmamba.models.ssmamba import Block, Stage

REST = "rest (residuals, head)"


class Stopwatch:
    """Wraps functions; ``seconds`` holds each part's own time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds: Counter[str] = Counter()
        self._inside: list[float] = []

    def wrap(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = self.clock()
            self._inside.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = self.clock() - start
                self.seconds[part] += spent - self._inside.pop()
                if self._inside:
                    self._inside[-1] += spent

        return timed


def parts_of(model: nn.Module) -> dict[nn.Module, str]:
    """The modules that are timed, and what each one is called."""
    parts: dict[nn.Module, str] = {model: REST}
    for module in model.modules():
        if isinstance(module, Stem):
            parts[module] = "stem"
        elif isinstance(module, ConvDownsample | PatchMerge):
            parts[module] = "down"
        elif isinstance(module, Stage):
            parts[module.local] = "LPR (or what stands for it)"
        elif isinstance(module, Block):
            parts[module.norm] = "norm"
            parts[module.mixer] = "mixer: rest"
            parts.update(_mixer_parts(module.mixer))
    return parts


def _mixer_parts(mixer: nn.Module) -> dict[nn.Module, str]:
    parts: dict[nn.Module, str] = {}
    for name, module in mixer.named_modules():
        if isinstance(module, ScanParameters):
            parts[module] = "mixer: delta, B, C"
        elif isinstance(module, nn.Linear) and "x_proj" not in name:
            parts[module] = "mixer: projections"
        elif isinstance(module, nn.Conv1d | nn.Conv2d):
            kind = "depthwise" if module.groups > 1 else "regular"
            parts[module] = f"mixer: {kind} convolution"
    return parts


def time_parts(
    model: nn.Module,
    run: Callable[[], object],
    repeat: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds of each part in the quickest of ``repeat`` runs."""
    run()
    watch = Stopwatch(clock)
    for module, part in parts_of(model).items():
        module.forward = watch.wrap(module.forward, part)  # type: ignore[method-assign]
    best: dict[str, float] = {}
    with mock.patch.multiple(
        mixers,
        bidirectional_scan=watch.wrap(mixers.bidirectional_scan, "mixer: scan"),
        selective_scan_channel_last=watch.wrap(mixers.selective_scan_channel_last, "mixer: scan"),
    ):
        for _ in range(repeat):
            watch.seconds.clear()
            run()
            if not best or sum(watch.seconds.values()) < sum(best.values()):
                best = dict(watch.seconds)
    return {part: seconds * 1e3 for part, seconds in best.items()}
