"""The tint of what was seen."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from viewer.canvas.layers.seen import SeenLayer
from viewer.state.seen import Seen

SLIDE = (10_000, 6_000)
QUADS = (
    (0.5, [(0, 0), (2000, 0), (2000, 6000), (0, 6000)]),  # 80×
    (4.0, [(2000, 0), (5000, 0), (5000, 6000), (2000, 6000)]),  # 10×
    (64.0, [(5000, 0), (8000, 0), (8000, 6000), (5000, 6000)]),  # as in the overview
)


def alphas(image: QImage) -> list[int]:
    return [image.pixelColor(x, 30).alpha() for x in (10, 35, 65, 90)]


def test_the_nearer_the_stronger_and_an_overview_does_not_count() -> None:
    seen = Seen.nothing(*SLIDE)
    for downsample, quad in QUADS:
        seen = seen.with_view([quad], downsample)
    layer = SeenLayer()
    near, middle, far, never = alphas(layer.picture(seen, 40.0, QSize(100, 60)))
    assert near > middle + 30 > 60 and far == never == 0
    # a slide of 10x at 1:1 was seen at a quarter of those magnifications
    assert alphas(layer.picture(seen, 10.0, QSize(100, 60)))[1] < middle


def test_it_lies_where_it_was_seen_though_the_last_cells_reach_over_the_edge() -> None:
    seen = Seen.nothing(10_010, 330)  # 21-px cells: the last row has 15 px of the slide
    seen = seen.with_view([[(0, 0), (5005, 0), (5005, 330), (0, 330)]], 1.0)
    image = SeenLayer().picture(seen, 40.0, QSize(1001, 33))
    assert image.size() == QSize(1001, 33)
    strong = np.array([image.pixelColor(x, 32).alpha() > 60 for x in range(1001)])
    assert abs(int(strong.sum()) - 500) <= 3 and strong[:495].all()
