"""Weights, gradients and optimizer state split over the processes (FSDP), for large models.

The blocks are sharded one by one, the rest together. Validation, checkpoints and resume use plain
tensors; for these each process holds one plain copy of the weights beside its shards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor, nn

BLOCKS = "blocks"  # name of the lists whose members are sharded by themselves

# torch.distributed's parts are imported where they are used: not every build of torch has them.


def fsdp_strategy(processes: int) -> ModelParallelStrategy:
    return ModelParallelStrategy(_shard, data_parallel_size=processes, tensor_parallel_size=1)


def _shard(model: nn.Module, mesh: Any) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    shared = mesh["data_parallel"]
    for name, module in model.named_modules():
        if name.rsplit(".", 1)[-1] == BLOCKS and isinstance(module, nn.ModuleList | nn.Sequential):
            for block in module:
                fully_shard(block, mesh=shared)
    fully_shard(model, mesh=shared)
    return model


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Plain copies of tensors that may be sharded; every process must call it."""
    return {name: plain(value.detach()) for name, value in tensors.items()}


def plain(value: Tensor) -> Tensor:
    """A plain copy of one tensor that may be sharded; every process must call it."""
    return value.full_tensor() if is_shard(value) else value.clone()  # type: ignore[attr-defined]


def is_shard(value: Tensor) -> bool:
    """Whether it is a DTensor."""
    return hasattr(value, "full_tensor")


@torch.no_grad()
def copy_whole(into: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Put plain tensors into ones that may be sharded; every process must call it."""
    for name, kept in into.items():
        value = tensors[name].to(kept.device)
        if is_shard(kept):
            from torch.distributed.tensor import DTensor, distribute_tensor

            assert isinstance(kept, DTensor)
            value = distribute_tensor(value, kept.device_mesh, kept.placements)
        kept.copy_(value)


def optimizer_state(model: nn.Module, optimizer: Any, sharded: bool) -> dict[str, Any]:
    """The state of Fabric's optimizer in plain tensors; of a sharded model by the weights' names.
    Every process must call it."""
    if not sharded:
        return optimizer.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True)
    return get_optimizer_state_dict(model, optimizer.optimizer, options=options)


def load_optimizer_state(
    model: nn.Module, optimizer: Any, state: dict[str, Any], sharded: bool
) -> None:
    """Restore what ``optimizer_state`` returned."""
    if not sharded:
        optimizer.load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

    # not strict: a weight that had no gradient yet has no state
    options = StateDictOptions(full_state_dict=True, strict=False)
    set_optimizer_state_dict(model, optimizer.optimizer, state, options=options)
