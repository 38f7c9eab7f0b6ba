"""Regions that are asked about, and the file of answers."""

import json

from ssmamba.checkpoints.card import Calibration
from ssmamba.rois.roi import Roi

SURE = Calibration(entropy_limit=1.0)  # of the tiny models, which were never trained


def square(x, y, side, name="", **fields):
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return Roi(((ring,),), kind="rectangle", name=name, **fields)


def read_results(out):
    return json.loads((out / "results.json").read_text())
