"""The histogram of a map's raw values."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from viewer.widgets.value_scale import ValueScale


def test_the_plot_is_made_when_it_is_seen_and_follows_the_map(qtbot: QtBot) -> None:
    scale = ValueScale()
    qtbot.addWidget(scale)
    scale.show_values(np.linspace(0, 2, 100), 0.0, 2.0, "viridis")
    assert scale._plot is None
    scale.show()
    assert scale._plot.isVisible()
    assert np.isclose(scale._bars.opts["x1"][-1], 2.0)
    scale.show_values(np.linspace(0, 5, 100), 0.0, 5.0, "viridis")
    assert np.isclose(scale._bars.opts["x1"][-1], 5.0)
    assert "0 to 5" in scale.toolTip()
