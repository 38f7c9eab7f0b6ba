#!/usr/bin/env bash
# grad-cam 1.5.7: an IndexError raised anywhere inside `with GradCAM(...)` is printed and swallowed,
# the caller's own included, and the program goes on behind the block. Any other exception comes
# through. An index that is out of range in a loop over slides thus ends the loop without a failure.
# (On Linux the default torch brings several GB of CUDA libraries; nothing here uses a GPU.)
#
# Output on 2026-11-29, Linux, Python 3.11:
#   grad-cam 1.5.7 torch 2.14.1+cu130
#   An exception occurred in CAM with block: <class 'IndexError'>. Message: mine
#   IndexError in the block: expected raised, saw swallowed
#   KeyError in the block: expected raised, saw raised
#   ValueError in the block: expected raised, saw raised
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check \
    grad-cam==1.5.7 torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from pytorch_grad_cam import GradCAM

print("grad-cam", version("grad-cam"), "torch", torch.__version__)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
    torch.nn.Linear(4, 2),
)


def outcome(error):
    try:
        with GradCAM(net, [net[0]]):
            raise error
    except type(error):
        return "raised"
    return "swallowed"


seen = {type(e).__name__: outcome(e) for e in (IndexError("mine"), KeyError("mine"), ValueError())}
for name, what in seen.items():
    print(f"{name} in the block: expected raised, saw {what}")
as_described = seen == {"IndexError": "swallowed", "KeyError": "raised", "ValueError": "raised"}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
