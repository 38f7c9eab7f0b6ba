"""How fast the scan is on this CPU, against loops, plain torch, C and the floor of the recurrence.

    python -m tests.benchmarks.scan [--repeat 15] [--threads 1] [--best | --cpu-time] [--quick]
    python -m tests.benchmarks.scan --narrow [--updates 1e7] [--directions 2]

One run, one table: every variant of a shape is timed in an order shuffled anew in each repetition;
medians (minima with --best) and their ratios are printed. So each of them begins with the caches as
another one left them. The C yardstick packs A within its call, as the kernels do (its gradient of A
stays packed); it writes to memory that is ready, where the others take theirs from the heap. It
needs gcc and is left out without it.

``--narrow``: Pixel-Mamba's shapes, batch 1, few channels and many steps, beside wide ones of as
many state updates (one channel, state and step each): their rates, and as parts of the widest's.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from ssmamba import ops
from ssmamba.kernels import layout
from ssmamba.ops import function, reference, torch_scan
from ssmamba.ops.cpu import scan as cpu_scan
from ssmamba.runtime.memory import keep_freed_memory
from tests.benchmarks.measuring import (
    can_measure_memory,
    in_fresh_process,
    peak_kib,
    processor,
    reset_peak,
    time_shuffled,
)

SHAPES = ((1, 48, 3136), (1, 96, 784), (1, 192, 196), (1, 384, 49))  # batch, channels, L
LARGE = (1, 48, 65_536)
N = 16
NARROW = (6, 12, 24, 48, 96)  # channels of the scans of Pixel-Mamba's layers
FORWARD_AIMS, BACKWARD_AIMS = (120, 60, 25, 15), (100, 40, 14, 5)
KEPT_STEPS = 32

Measure = Callable[[dict[str, Callable[[], object]], int], dict[str, float]]


def problem(batch: int, channels: int, L: int, device: str = "cpu", R: int = 1) -> tuple[Any, ...]:
    """Canonical inputs (see ssmamba/ops/reference.py)."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g).to(device)

    return (
        normal(batch, L, channels),
        normal(batch, L, R, channels) - 1,
        -torch.arange(1.0, N + 1).expand(R, channels, N).contiguous().to(device),
        normal(batch, L, R, N),
        normal(batch, L, R, N),
        normal(R, channels),
        normal(R, channels),
    )


def mamba_ssm_loop(*inputs: Tensor) -> Tensor:
    """The loop of mamba-ssm's ``selective_scan_ref``: one indexed step after another."""
    u, delta, A, B, C, D, bias = inputs
    delta = torch.nn.functional.softplus(delta[:, :, 0] + bias[0])
    decay = torch.exp(torch.einsum("bld,dn->bldn", delta, A[0]))
    x = torch.einsum("bld,bln,bld->bldn", delta, B[:, :, 0], u)
    h = u.new_zeros(u.shape[0], u.shape[2], N)
    outputs = []
    for t in range(u.shape[1]):
        h = decay[:, t] * h + x[:, t]
        outputs.append(torch.einsum("bdn,bn->bd", h, C[:, t, 0]))
    return torch.stack(outputs, 1) + u * D[0]


def forward_only(scan: Callable[..., Any], inputs: tuple[Any, ...]) -> Callable[[], object]:
    def run() -> None:
        with torch.no_grad():
            scan(*inputs)

    return run


def forward_backward(scan: Callable[..., Any], inputs: tuple[Any, ...]) -> Callable[[], object]:
    leaves = [x.clone().requires_grad_() for x in inputs]
    grad = torch.ones_like(inputs[0])

    def run() -> None:
        torch.autograd.grad(scan(*leaves), leaves, grad)

    return run


def compiled(*inputs: Any) -> Tensor:
    return function.scan(cpu_scan, inputs, function.Options(True, False), False)[0]  # type: ignore[arg-type]


def one_way(inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """The same without the axis of directions, as the public call takes them."""
    u, delta, A, B, C, D, bias = inputs
    return u, delta[:, :, 0], A[0], B[:, :, 0], C[:, :, 0], D[0], bias[0]


def plain_torch(*inputs: Any) -> Tensor:
    u, delta, A, B, C, D, bias = inputs
    return torch_scan.scan(u, delta, A, B, C, D, bias, True, False)[0]


def unbind_loop(*inputs: Any) -> Tensor:
    u, delta, A, B, C, D, bias = inputs
    return reference.scan(u, delta, A, B, C, D, bias, True, False)[0]


class Yardstick:
    """scan_yardstick.c, compiled for this machine."""

    def __init__(self, compiler: str) -> None:
        folder = tempfile.mkdtemp(prefix="scan-yardstick-")
        library = Path(folder) / "yardstick.so"
        source = Path(__file__).with_name("scan_yardstick.c")
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
        self.library = ctypes.CDLL(str(library))
        shutil.rmtree(folder)

    def variants(self, inputs: tuple[Any, ...]) -> tuple[Callable[[], None], Callable[[], None]]:
        """The forward pass, and the forward pass with states kept and the backward pass."""
        u, delta, A, B, C, D, bias = inputs
        batch, L, d = u.shape
        K, workers = d // 16, torch.get_num_threads()
        slots = max(1, min(K, -(-workers // batch)))
        y, grad_u, grad_delta, gy = (torch.ones_like(u) for _ in range(4))
        kept = torch.empty(batch, K, -(-L // KEPT_STEPS), N * 16)
        grads_bc = [torch.empty(batch, slots, L, N) for _ in range(2)]
        grads = [grad_u, grad_delta, torch.empty(batch, K, N * 16), *grads_bc]
        grads += [torch.empty(batch, d) for _ in range(2)]

        def pointers(*tensors: Tensor | None) -> list[ctypes.c_void_p]:
            return [ctypes.c_void_p(0 if t is None else t.data_ptr()) for t in tensors]

        common = (u, delta, A, B, C, D, bias)

        def forward(states: Tensor | None, steps: int) -> None:
            self.library.forward(*pointers(*common, y, states), batch, L, d, steps, workers)

        def both() -> None:
            forward(kept, KEPT_STEPS)
            arguments = pointers(*common, gy, kept, *grads)
            self.library.backward(*arguments, batch, slots, L, d, KEPT_STEPS, workers)

        self.outputs = (y, *grads)
        return (lambda: forward(None, 64)), both

    def floor_ns(self) -> float:
        """Nanoseconds of one step of 16 channels x 16 states with everything at hand."""
        x, y = torch.full((512,), -0.1), torch.zeros(16)
        steps, best = 5_000, float("inf")
        for _ in range(200):
            start = time.perf_counter()
            arguments = (ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(y.data_ptr()))
            self.library.floor_steps(*arguments, steps)
            best = min(best, time.perf_counter() - start)
        return best / steps * 1e9


def compare_shape(
    shape: tuple[int, int, int],
    aims: tuple[int, int],
    yardstick: Yardstick | None,
    repeat: int,
    measure: Measure,
) -> None:
    inputs, both_ways = problem(*shape), problem(*shape, R=2)
    repeat *= max(1, SHAPES[0][2] // shape[2])  # short ones more often: they cost little
    scans = {"mamba-ssm loop": mamba_ssm_loop, "torch": plain_torch, "cpu": compiled}
    forward = {name: forward_only(scan, inputs) for name, scan in scans.items()}
    scans = {"unbind loop": unbind_loop, "torch": plain_torch, "cpu": compiled}
    both = {name: forward_backward(scan, inputs) for name, scan in scans.items()}
    for variants, run in ((forward, forward_only), (both, forward_backward)):
        variants["public"] = run(ops.selective_scan_channel_last, one_way(inputs))
        variants["both ways"] = run(ops.bidirectional_scan, both_ways)
    if yardstick is not None:
        forward["C"], both["C"] = yardstick.variants(inputs)
    for title, variants, aim in (("forward", forward, aims[0]), ("with backward", both, aims[1])):
        ms = measure(variants, repeat)
        loop = next(iter(ms.values()))
        line = "  ".join(f"{name} {value:.3f}" for name, value in ms.items())
        against_c = ""
        if "C" in ms:
            one, two = ms["public"] / ms["C"], ms["both ways"] / (2 * ms["C"])
            against_c = f", public {one:.2f} x C, both ways {two:.2f} x twice C"
        print(
            f"{shape!s:<16} {title:<14} {line}  ->  {loop / ms['cpu']:.0f} x the loop "
            f"(aim {aim}){against_c}"
        )


def compare_channels(updates: int, directions: int, repeat: int, measure: Measure) -> None:
    """Rates at ``updates`` state updates in each direction, whatever the channels."""
    for title, run in (("forward", forward_only), ("with backward", forward_backward)):
        variants = {}
        for channels in NARROW:
            inputs = problem(1, channels, updates // (channels * N), R=directions)
            variants[str(channels)] = run(compiled, inputs)
        ms = measure(variants, repeat)
        cells = [
            f"{name} {directions * updates / time * 1e-6:.2f} ({ms[str(NARROW[-1])] / time:.2f})"
            for name, time in ms.items()
        ]
        print(f"{title:<14} {'  '.join(cells)}", flush=True)


def bare_kernel(inputs: tuple[Any, ...]) -> Callable[[], object]:
    """The forward kernel with its plan ready, on the calling thread."""
    with mock.patch.object(cpu_scan.threads, "run") as run, torch.no_grad():
        y = compiled(*inputs)
    kernel, plan, _, _, floats = run.call_args.args
    scratch = torch.empty(floats)  # on a cache line, as every tensor of torch
    plan[layout.SCRATCH], plan[layout.SEAT_BYTES] = scratch.data_ptr(), 0

    def again() -> object:
        plan[layout.TAKEN] = plan[layout.SEATS] = 0
        kernel.call(plan)
        return y, scratch, inputs  # and so they live as long as the plan that points to them

    return again


def compare_floor(yardstick: Yardstick, repeat: int, measure: Measure) -> None:
    """The forward kernel on one thread, without Python around it, against its arithmetic alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for shape in SHAPES:
            inputs = problem(*shape)
            c_forward, _ = yardstick.variants(inputs)
            variants = {"cpu": bare_kernel(inputs), "C": c_forward}
            ms = measure(variants, repeat)
            floor = yardstick.floor_ns() * shape[0] * (shape[1] // 16) * shape[2] * 1e-6
            print(
                f"{shape!s:<16} one thread     cpu {ms['cpu']:.3f}  C {ms['C']:.3f}  floor "
                f"{floor:.3f}  ->  {ms['cpu'] / floor:.2f} x the floor (aim 1.6)"
            )
    finally:
        torch.set_num_threads(threads)


def measure_memory(backward: bool) -> None:
    """Print the extra memory of one large scan, in multiples of u (run in a fresh process)."""
    small = problem(1, LARGE[1], 64)
    run = forward_backward if backward else forward_only
    run(compiled, small)()
    inputs = problem(*LARGE)
    prepared = run(compiled, inputs)
    reset_peak()
    before = peak_kib()
    prepared()
    print(f"{(peak_kib() - before) * 1024 / (inputs[0].numel() * 4):.2f}")


def report_memory() -> None:
    for title, flag, aim in (("forward", False, 3), ("with backward", True, 13)):
        code = f"from tests.benchmarks.scan import measure_memory; measure_memory({flag})"
        print(f"{LARGE!s:<16} {title:<14} extra memory {in_fresh_process(code)} x u (aim {aim})")


def report_first_result() -> None:
    code = (
        "import time, torch; start = time.perf_counter(); from ssmamba import ops;"
        "x = torch.zeros(1, 4, 16); n = torch.zeros(1, 4, 8);"
        "ops.selective_scan_channel_last(x, x, torch.zeros(16, 8), n, n);"
        "print(f'{time.perf_counter() - start:.2f}')"
    )
    in_fresh_process(code)
    seconds = sorted(float(in_fresh_process(code)) for _ in range(3))
    print(f"first result from the cache, imports included: {seconds[1]:.2f} s (aim 1)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="one shape, few repetitions")
    parser.add_argument("--threads", type=int, help="torch's own choice unless given")
    parser.add_argument("--cpu-time", action="store_true", help="minima of it, on one thread")
    parser.add_argument("--best", action="store_true", help="minima, for a machine with other work")
    parser.add_argument("--narrow", action="store_true", help="rates of few and more channels")
    parser.add_argument("--updates", type=float, default=1e7, help="of each, in a direction")
    parser.add_argument("--directions", type=int, default=2, choices=(1, 2))
    options = parser.parse_args()
    options.best |= options.cpu_time
    measure = partial(
        time_shuffled,
        summary=min if options.best else statistics.median,
        clock=time.process_time if options.cpu_time else time.perf_counter,
    )
    repeat = 3 if options.quick else options.repeat
    shapes = SHAPES[-1:] if options.quick else SHAPES
    random.seed(0)
    if options.cpu_time:
        options.threads = 1
    if options.threads:
        torch.set_num_threads(options.threads)
    ops.compile_kernels()
    backend, compiler = ops.warm_up(), shutil.which("gcc")
    keep_freed_memory()  # for all variants, as the predictor does
    kind = "minima" if options.best else "medians"
    kind += " of CPU time" * options.cpu_time
    print(f"{backend.name} on {torch.get_num_threads()} threads, N = {N}, float32, {kind} in ms")
    if options.narrow:
        print(f"{processor()}; channels: G state updates a second (as a part of the last one's)")
        compare_channels(int(options.updates), options.directions, repeat, measure)
        return
    yardstick = None if compiler is None else Yardstick(compiler)
    for shape in shapes:
        aims = SHAPES.index(shape)
        compare_shape(shape, (FORWARD_AIMS[aims], BACKWARD_AIMS[aims]), yardstick, repeat, measure)
    if yardstick is not None:
        compare_floor(yardstick, repeat, measure)
    if not options.quick and can_measure_memory():
        report_memory()
    report_first_result()


if __name__ == "__main__":
    main()
