"""Run by test_triton.py in a process of its own: compile every Triton kernel down to a cubin."""

from __future__ import annotations

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


AMPERE, HOPPER = 80, 90
CASES = {  # what a scan of such a length launches: T, BD, R, REVERSE, tiles beyond one, D and bias
    "DMS, its first stages": (32, 16, 2, False, True, True),
    "DMS, its last stage": (64, 8, 2, False, False, True),
    "Mamba block, gated": (32, 16, 1, True, True, True),
    "few channels": (128, 4, 1, False, True, True),
    "the trial before first use": (16, 8, 1, False, False, False),
}
PASSES = ((1, False, True), (8, False, True), (64, True, True), (64, False, False))
USUAL = list(CASES)[:2]


def compile_kernel(kernel: Any, half: bool, gpu: int, warps: int, **constants: Any) -> None:
    signature, constexprs = {}, {}
    for i, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name], constexprs[(i,)] = "constexpr", constants[name]
        elif name in POINTERS:
            signature[name] = "*bf16" if half and name in HALF else "*fp32"
        else:
            signature[name] = "i32"
    source = ASTSource(fn=kernel, signature=signature, constexprs=constexprs)
    target, options = GPUTarget("cuda", gpu, 32), {"num_warps": warps, "enable_fp_fusion": True}
    assert triton.compile(source, target=target, options=options).asm["cubin"]
    print("compiled", kernel.__name__, gpu, "bf16" if half else "fp32", constants, flush=True)


def compile_case(name: str, half: bool, gpu: int) -> None:
    T, BD, R, reverse, several, vectors = CASES[name]
    full = {"T": T, "BD": BD, "R": R, "REVERSE": reverse, "N": 16}
    full |= {"HAS_BIAS": vectors, "SOFTPLUS": True, "HAS_GATE": "gated" in name}
    last = {"HAS_D": vectors, "HAS_STARTS": several}
    if several or not vectors:  # the trial asks for the last state
        compile_kernel(kernels.tile_states, half, gpu, 1, **full, GRADIENT=False)
        compile_kernel(kernels.tile_states, half, gpu, 1, **full, GRADIENT=True)
    compile_kernel(kernels.tile_outputs, half, gpu, 1, **full, **last)
    compile_kernel(kernels.tile_gradients, half, gpu, 1, **full, **last, HAS_CARRIES=several)


def compile_passes(gpu: int, R: int, reverse: bool) -> None:
    for TC, first, keep in PASSES:
        constants = {"TC": TC, "BE": 32, "R": R, "REVERSE": reverse}
        compile_kernel(
            kernels.pass_states, False, gpu, 4, **constants, HAS_FIRST=first, KEEP_STARTS=keep
        )


def main() -> None:
    for name in CASES:
        compile_case(name, False, AMPERE)
    for name in USUAL:
        compile_case(name, True, AMPERE)
        compile_case(name, False, HOPPER)
    compile_passes(AMPERE, 2, False)
    compile_passes(HOPPER, 1, True)
    print("all kernels compile")


if __name__ == "__main__":
    main()
