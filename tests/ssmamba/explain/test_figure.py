"""CAMs as pictures to keep."""

from ssmamba.explain.figure import PANEL_PX, _inside
from ssmamba.rois.roi import Roi


def test_an_island_in_a_hole_is_inside_whichever_was_drawn_first():
    def square(low, high):
        return ((low, low), (high, low), (high, high), (low, high))

    island, ring = (square(200, 240),), (square(20, 400), square(100, 300))
    for polygons in ((island, ring), (ring, island)):
        mask = _inside(Roi(polygons), (0.0, 0.0, float(PANEL_PX)))
        assert [mask[at, at] for at in (5, 50, 150, 220, 350)] == [0, 1, 0, 1, 1]
