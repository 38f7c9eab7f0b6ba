"""The compiled scan for CPUs: tensors in and out of the kernels of ``ssmamba.kernels``."""
