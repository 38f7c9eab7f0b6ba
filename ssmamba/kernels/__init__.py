"""Kernels for CPUs, of the scan and of pixels: compiled once per computer, loaded in no time.

``compiling`` turns ``forward``, ``backward`` and the others (written for numba, with inner loops in
LLVM's own language) into object files; ``cache`` keeps them as machine code; ``library`` loads them
with llvmlite alone.
``preparing`` is the process that compiles while others work. No torch in this package: that
process must be small. Another kernel is a file with a function of its name, which takes the address
of a plan, and that name in ``cache.NAMES``.
"""
