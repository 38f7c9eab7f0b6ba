"""A network's forward pass on a GPU as one replayed CUDA graph, for the latency of small batches.

At batch 1 a GPU waits for Python: SSMamba launches a few hundred small kernels. A graph launches
them all at once. It holds for one shape of input, so one is recorded for each shape that comes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MOST_GRAPHS = 4  # each keeps the memory of its forward pass
WARM_UP = 3  # runs before recording, so that kernels are compiled and chosen

Outputs = tuple[Tensor, ...]


class GraphedForward:
    """Calls ``function`` through CUDA graphs; record and replay under the same autocast state.

    Args:
        function: a tensor on a GPU -> tensors, without randomness, synchronisation or gradients.
    """

    def __init__(self, function: Callable[[Tensor], Outputs]) -> None:
        self._function = function
        self._recorded: OrderedDict[tuple[Any, ...], tuple[Any, Tensor, Outputs]] = OrderedDict()

    def __call__(self, batch: Tensor) -> Outputs:
        key = (*batch.shape, batch.dtype, batch.device)
        if key not in self._recorded:
            self._recorded[key] = self._record(batch)
            if len(self._recorded) > MOST_GRAPHS:
                self._recorded.popitem(last=False)
        self._recorded.move_to_end(key)
        graph, source, outputs = self._recorded[key]
        source.copy_(batch)
        graph.replay()
        return tuple(output.clone() for output in outputs)

    def clear(self) -> None:
        """Let go of all graphs and their memory."""
        self._recorded.clear()

    def _record(self, batch: Tensor) -> tuple[Any, Tensor, Outputs]:
        with torch.cuda.device(batch.device):
            source = batch.clone()
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    self._function(source)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=aside):  # its own belongs to the first GPU used
                outputs = self._function(source)
        return graph, source, outputs
