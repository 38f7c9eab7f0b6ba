"""The scan's kernels for CPUs: compiled once per computer, kept as machine code, loaded in no time.

``compiling`` turns ``forward`` and ``backward`` (written for numba, with inner loops in LLVM's own
language) into object files; ``cache`` keeps them; ``library`` loads them with llvmlite alone.
``preparing`` is the process that compiles while others work. No torch in this package: that
process must be small. Another kernel is a file with a function of its name, which takes the address
of a plan, and that name in ``cache.NAMES``.
"""
