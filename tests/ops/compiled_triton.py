"""Run by test_triton.py in a process of its own: compile every Triton kernel down to a cubin."""

from __future__ import annotations

from itertools import product
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ssmamba.ops.cuda import kernels

HALF = {"u", "x", "delta", "B", "C", "W", "z", "y", "grad_y"}
POINTERS = {
    *HALF,
    *("A", "D", "bias", "ends", "totals", "starts", "first", "last", "sums", "carries"),
    *("grad_u", "grad_delta", "grad_A", "grad_B", "grad_C", "grad_D", "grad_bias", "grad_z"),
}


def compile_kernel(kernel: Any, half: bool, **constants: Any) -> None:
    signature, constexprs = {}, {}
    for i, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name], constexprs[(i,)] = "constexpr", constants[name]
        elif name in POINTERS:
            signature[name] = "*bf16" if half and name in HALF else "*fp32"
        else:
            signature[name] = "i32"
    source = ASTSource(fn=kernel, signature=signature, constexprs=constexprs)
    target, options = GPUTarget("cuda", 80, 32), {"num_warps": 1, "enable_fp_fusion": True}
    assert triton.compile(source, target=target, options=options).asm["cubin"]
    print("compiled", kernel.__name__, "bf16" if half else "fp32", constants, flush=True)


def main() -> None:
    for half, (R, reverse) in product((False, True), ((2, False), (1, True))):
        common = {"T": 32, "BD": 16, "R": R, "REVERSE": reverse}
        full = {**common, "N": 16, "HAS_BIAS": True, "SOFTPLUS": True, "HAS_GATE": R == 1}
        compile_kernel(kernels.tile_states, half, **full, GRADIENT=False)
        compile_kernel(kernels.tile_states, half, **full, GRADIENT=True)
        compile_kernel(kernels.tile_outputs, half, **full, HAS_D=True, HAS_STARTS=True)
        flags = {"HAS_D": True, "HAS_STARTS": True, "HAS_CARRIES": True}
        compile_kernel(kernels.tile_gradients, half, **full, **flags)
        tiles = {"TC": 64, "BE": 32, "R": R, "REVERSE": reverse}
        compile_kernel(kernels.pass_states, half, **tiles, HAS_FIRST=True, KEEP_STARTS=True)
    print("all kernels compile")


if __name__ == "__main__":
    main()
