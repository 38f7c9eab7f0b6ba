#!/usr/bin/env bash
# safetensors 0.8.0: the tensors that safetensors.torch.load_file returns are still the file. Write
# new weights into the same file in place, and tensors loaded before change with it. One would
# expect "load" to give tensors of their own, as safetensors.numpy.load_file does.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   safetensors 0.8.0 torch 2.13.0+cpu
#   safetensors.torch: loaded zeros, then the file was overwritten with ones; expected [0.0, 0.0, 0.0, 0.0], saw [1.0, 1.0, 1.0, 1.0]
#   safetensors.numpy: loaded zeros, then the file was overwritten with ones; expected [0.0, 0.0, 0.0, 0.0], saw [0.0, 0.0, 0.0, 0.0]
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    safetensors==0.8.0 torch==2.13.0 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

print("safetensors", safetensors.__version__, "torch", torch.__version__)
safetensors.torch.save_file({"w": torch.zeros(4)}, "w.safetensors")
loaded = {
    "safetensors.torch": safetensors.torch.load_file("w.safetensors")["w"],
    "safetensors.numpy": safetensors.numpy.load_file("w.safetensors")["w"],
}
size = Path("w.safetensors").stat().st_size
with open("w.safetensors", "r+b") as file:  # the weights are the last 16 bytes
    file.seek(size - 16)
    file.write(np.ones(4, np.float32).tobytes())
seen = {name: tensor.tolist() for name, tensor in loaded.items()}
for name, values in seen.items():
    print(f"{name}: loaded zeros, then the file was overwritten with ones; "
          f"expected {[0.0] * 4}, saw {values}")
as_described = seen["safetensors.torch"] == [1.0] * 4 and seen["safetensors.numpy"] == [0.0] * 4
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
