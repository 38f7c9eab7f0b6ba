"""The scan on CUDA devices: own Triton kernels, and mamba-ssm's compiled kernel."""
