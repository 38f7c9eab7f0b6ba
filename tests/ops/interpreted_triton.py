"""Run by test_triton.py in a process of its own: the Triton kernels on Triton's interpreter.

TRITON_INTERPRET must be set before the kernels are defined, and slows everything down.
"""

from __future__ import annotations

import os
import sys
from unittest import mock

os.environ["TRITON_INTERPRET"] = "1"

from ssmamba.ops import function
from ssmamba.ops.cuda import scan as triton_scan
from tests.ops.problems import assert_matches_reference, make_problem


def interpreted(*args):
    return function.scan(triton_scan, args[:7], function.Options(*args[7:9]), True)


SMALL = triton_scan.Configuration(T=8, BD=4, TC=2, BE=8, segment=4)  # tiles in two levels
CASES = (
    {"L": 1, "channels": 3, "N": 2},
    {"L": 31, "channels": 5, "N": 2, "reverse": True, "batch": 2},
    {"L": 49, "channels": 3, "N": 2, "R": 2},
    {"L": 0, "channels": 4, "N": 4},
    {"L": 3, "channels": 4, "N": 4, "batch": 0},
)


def main() -> None:
    with mock.patch.object(triton_scan, "configuration", lambda L, channels: SMALL):
        for case in CASES:
            assert_matches_reference(make_problem(**case), interpreted)
            print("ok", case, flush=True)
    assert_matches_reference(make_problem(L=5, channels=3, N=2), interpreted)
    print("all cases agree")


if __name__ == "__main__":
    sys.exit(main())
