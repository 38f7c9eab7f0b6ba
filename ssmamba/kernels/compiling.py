"""From the kernels' source to machine code; imports numba, which takes seconds to compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from llvmlite import binding
from numba import types
from numba.core import codegen, event

from ssmamba.kernels import cache
from ssmamba.kernels.common import FUNCTIONS
from ssmamba.kernels.library import ENTRY

# numba's functions return a status and take places for a result and an error; the kernels have
# neither, as their only error would be a loop with a step of zero.
_DOOR = """
define void @{entry}(i64 %plan) {{
  %result = alloca i64
  %error = alloca i64
  %status = call i32 @"{name}"(ptr %result, ptr %error, i64 %plan)
  ret void
}}
"""


def compile_kernels(told: Callable[[float], None] = lambda share: None) -> dict[str, bytes]:
    """Object files for this processor, by name.

    told: called with the share of the functions that are compiled, 0 to 1.
    """
    kernels = {
        name: getattr(import_module(f"ssmamba.kernels.{name}"), name) for name in cache.NAMES
    }
    with _Counting(told, len(FUNCTIONS)), _no_machine_code():
        return {name: _compile(kernel) for name, kernel in kernels.items()}


@contextmanager
def _no_machine_code() -> Iterator[None]:
    """Keeps numba from making each function's own, which nobody calls: a sixth of its time.

    The entry points' comes from ``_object_file``.
    """
    library: Any = codegen.JITCodeLibrary
    kept = library._finalize_specific
    library._finalize_specific = lambda library: None
    try:
        yield
    finally:
        library._finalize_specific = kept


def _compile(kernel: Any) -> bytes:
    kernel.compile((types.int64,))
    (compiled,) = kernel.overloads.values()
    text = compiled.library.get_llvm_str()
    text += _DOOR.format(entry=ENTRY, name=compiled.fndesc.llvm_func_name)
    return _object_file(text, *compiled.library.codegen.magic_tuple())


def _object_file(text: str, triple: str, processor: str, features: str) -> bytes:
    module = binding.parse_assembly(text)
    target = binding.Target.from_triple(triple)
    x86 = triple.startswith(("x86", "i386", "i686"))
    machine = target.create_target_machine(
        cpu=processor,
        features=features,
        opt=3,
        reloc="static" if x86 else "default",
        codemodel="jitdefault",
        jit=True,
    )
    code: bytes = machine.emit_object(module)
    return code


class _Counting(event.Listener):  # type: ignore[misc]
    """Counts the functions that numba compiles while it is open."""

    def __init__(self, told: Callable[[float], None], functions: int) -> None:
        self._told, self._done, self._all = told, 0, functions

    def __enter__(self) -> None:
        event.register("numba:compile", self)

    def __exit__(self, *error: object) -> None:
        event.unregister("numba:compile", self)

    def on_start(self, event: Any) -> None:
        pass

    def on_end(self, event: Any) -> None:
        self._done += 1
        self._told(min(1.0, self._done / self._all))
