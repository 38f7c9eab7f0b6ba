"""The compiled scan for CPUs (numba). Importing this package compiles or loads the kernels."""
