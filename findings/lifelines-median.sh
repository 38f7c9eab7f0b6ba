#!/usr/bin/env bash
# lifelines 0.30.3: the median survival time depends on rounding. With deaths at 1, 2, … n and no
# censoring, the Kaplan-Meier curve reaches exactly one half at time n/2, which is the median.
# lifelines says so for some n; for others its product of fractions ends at 0.5000000000000001
# and the median becomes the next death.
#
# Output on 2026-11-29, Linux, Python 3.11:
#   lifelines 0.30.3
#    2 deaths: expected 1, saw 1 (S = 0.5)
#    4 deaths: expected 2, saw 2 (S = 0.5)
#    6 deaths: expected 3, saw 4 (S = 0.5000000000000001)
#    8 deaths: expected 4, saw 5 (S = 0.5000000000000001)
#   10 deaths: expected 5, saw 5 (S = 0.49999999999999983)
#   12 deaths: expected 6, saw 6 (S = 0.49999999999999994)
#   14 deaths: expected 7, saw 8 (S = 0.5000000000000001)
#   16 deaths: expected 8, saw 8 (S = 0.49999999999999994)
#   18 deaths: expected 9, saw 10 (S = 0.5000000000000002)
#   20 deaths: expected 10, saw 11 (S = 0.5000000000000002)
#   as described
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q --disable-pip-version-check lifelines==0.30.3 numpy==2.4.6
env/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

from lifelines import KaplanMeierFitter

print("lifelines", version("lifelines"))
seen = {}
for n in range(2, 21, 2):
    fitted = KaplanMeierFitter().fit(range(1, n + 1))
    seen[n] = fitted.median_survival_time_
    half = fitted.survival_function_.iloc[n // 2, 0]
    print(f"{n:2} deaths: expected {n // 2}, saw {seen[n]:.0f} (S = {float(half)!r})")
as_described = seen[4] == 2 and seen[6] == 4 and seen[8] == 5 and seen[10] == 5
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
