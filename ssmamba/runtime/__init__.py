"""Devices, memory and CUDA graphs."""
