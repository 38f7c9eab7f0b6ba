"""On CUDA devices: the scan by own Triton kernels or mamba-ssm's, causal-conv1d's convolution."""
