"""Compiled kernels as functions: loaded by llvmlite, without numba and without compiling."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from ssmamba.kernels import cache

ENTRY = "ssmamba_kernel"  # the one symbol of an object file: void (int64 *plan)


class Kernel(NamedTuple):
    """``call(plan)`` runs on the calling thread, without the GIL; ``address`` is for OpenMP.

    The plan is a ctypes array of int64 (see ``layout.py``).
    """

    call: Callable[[Any], None]
    address: int


_loaded: dict[str, Kernel] = {}
_engines: list[Any] = []  # they own the machine code


def find() -> bool:
    """Load the kernels that the cache has; True once all are here. Raises ImportError without
    llvmlite."""
    if is_loaded():
        return True
    found = {name: cache.read(name) for name in cache.NAMES}
    for name, code in found.items():
        if code is None:
            return False
        add(name, code)
    return True


def is_loaded() -> bool:
    """Whether all kernels are here, without a look at the cache."""
    return len(_loaded) == len(cache.NAMES)


def add(name: str, code: bytes) -> None:
    """Load an object file."""
    if name not in _loaded:
        _loaded[name] = _load(code)


def get(name: str) -> Kernel:
    """A loaded kernel; KeyError before ``find`` has succeeded."""
    return _loaded[name]


def _load(code: bytes) -> Kernel:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.add_symbol("memset", ctypes.cast(ctypes.memset, ctypes.c_void_p).value)
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    address = engine.get_function_address(ENTRY)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    return Kernel(call, address)
