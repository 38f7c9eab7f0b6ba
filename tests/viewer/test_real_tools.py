"""Every drawing tool in a real window, with a real mouse and keyboard; needs Xvfb and xdotool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.slides import write_pyramid
from tests.viewer.screen import Screen, needs_screen

pytestmark = needs_screen


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Screen]:
    slide = tmp_path / "a.tif"
    write_pyramid(slide, 2400, 1800)
    screen = Screen(tmp_path)
    try:
        screen.start_viewer(slide)
        yield screen
    finally:
        screen.close()


class Hand:
    """Moves in pixels from the middle of the canvas."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        seen = screen.wait_for(lambda s: s["settled"] and s["path"])
        self.x, self.y, _ = seen["canvas"]

    def to(self, x: int, y: int) -> None:
        self.screen.do("mousemove", self.x + x, self.y + y)

    def click(self, x: int, y: int, *keys: str, times: int = 1) -> None:
        self.to(x, y)
        for key in keys:
            self.screen.do("keydown", key)
        self.screen.do("click", "--repeat", times, "--delay", 40, 1)
        for key in keys:
            self.screen.do("keyup", key)

    def drag(self, *places: tuple[int, int]) -> None:
        self.to(*places[0])
        self.screen.do("sleep", 0.5)  # else a click just before makes it a double click
        self.screen.do("mousedown", 1)
        for place in places[1:]:
            self.to(*place)
            self.screen.do("sleep", 0.02)
        self.screen.do("mouseup", 1)

    def tool(self, key: str, name: str) -> None:
        self.screen.do("key", key)
        self.screen.wait_for(lambda s: s["tool"] == name)

    def drawn(self, count: int, kind: str) -> dict[str, Any]:
        """The newest region, once there are ``count``."""
        seen = self.screen.wait_for(lambda s: len(s["outlines"]) == count)
        assert seen["outlines"][-1]["kind"] == kind
        return seen["outlines"][-1]


def test_each_tool_draws_and_edits_and_thirty_steps_are_undone_and_redone(person: Screen) -> None:
    hand = Hand(person)
    hand.click(0, 0)
    hand.tool("l", "lasso")
    person.lasso(hand.x - 220, hand.y - 120, 40)
    hand.drawn(1, "polygon")
    hand.tool("p", "polygon")
    for corner in ((-120, -160), (-40, -160), (-40, -80)):
        hand.click(*corner)
    hand.click(-120, -80, times=2)
    hand.drawn(2, "polygon")
    hand.tool("r", "rectangle")
    hand.drag((20, -160), (60, -120), (100, -80))
    hand.drawn(3, "rectangle")
    hand.tool("o", "ellipse")
    hand.drag((140, -160), (180, -120), (240, -80))
    hand.drawn(4, "ellipse")
    hand.tool("b", "brush")
    hand.drag((-260, 20), (-220, 30), (-180, 20))
    hand.drawn(5, "polygon")
    hand.tool("h", "pan")
    person.do("key", "Escape")
    hand.click(-20, 0)  # nothing is selected: the wand begins a region
    hand.tool("a", "wand")
    hand.drag((-100, 40), (-90, 40))
    hand.drawn(6, "polygon")
    hand.tool("period", "point")
    hand.click(20, 40)
    hand.click(40, 60)
    hand.screen.do("key", "Return")
    hand.drawn(7, "point")
    hand.tool("m", "ruler")
    hand.drag((80, 20), (140, 40), (200, 60))
    hand.drawn(8, "ruler")
    hand.tool("shift+m", "angle")
    for place in ((80, 100), (140, 120), (200, 90)):
        hand.click(*place)
    hand.drawn(9, "angle")

    hand.tool("h", "pan")
    hand.click(60, -120)  # the rectangle
    before = person.wait_for(lambda s: s["selected"] == "Region 3")["outlines"][2]["bounds"]
    hand.drag((60, -120), (70, -100), (80, -90))
    person.wait_for(lambda s: s["outlines"][2]["bounds"] != before)
    before = person.sees()["outlines"][2]["bounds"]
    hand.drag((120, -50), (130, -40), (140, -30))  # its corner
    person.wait_for(lambda s: s["outlines"][2]["bounds"][2] > before[2])
    person.do("key", "ctrl+d")
    person.wait_for(lambda s: len(s["outlines"]) == 10)
    person.do("key", "Delete")
    person.wait_for(lambda s: len(s["outlines"]) == 9)
    hand.click(60, -110)
    person.wait_for(lambda s: s["selected"] == "Region 3")
    steps = 14  # so far; the second point was one of its own
    while steps < 30:
        before = person.sees()["outlines"][2]["bounds"]
        person.do("key", "ctrl+Down" if steps % 2 else "ctrl+Right")
        person.wait_for(lambda s, before=before: s["outlines"][2]["bounds"] != before)
        steps += 1
    last = person.sees()["outlines"]
    for _ in range(30):
        person.do("key", "ctrl+z")
    person.wait_for(lambda s: not s["outlines"])
    for _ in range(30):
        person.do("key", "ctrl+shift+z")
    person.wait_for(lambda s: s["outlines"] == last)


def test_the_keyboard_alone_reaches_every_control(person: Screen) -> None:
    hand = Hand(person)
    hand.click(0, 0)
    hand.tool("l", "lasso")
    person.lasso(hand.x, hand.y, 60)
    hand.drawn(1, "polygon")
    wanted = set(person.wait_for(lambda s: s["controls"] and not s["busy"])["controls"])
    assert len(wanted) > 30
    for part in range(1, 8):  # in each part by Tab, until it comes round or to the slide
        for _ in range(part):
            seen = press(person, "F6")
        begun = len(seen["visited"])
        while seen["visited"][-1] != seen["slide_name"]:  # there Tab hides the panels
            seen = press(person, "Tab")
            if seen["visited"][-1] in seen["visited"][begun:-1]:
                break
    assert sorted(wanted - set(seen["visited"])) == []


def press(person: Screen, key: str) -> dict[str, Any]:
    """What is seen when the keyboard has moved on."""
    before = len(person.sees()["visited"])
    person.do("key", key)
    return person.wait_for(lambda s: len(s["visited"]) > before)


def test_two_slides_linked_by_a_place_move_as_one(tmp_path: Path) -> None:
    here = write_pyramid(tmp_path / "here.tif", 2400, 1800)
    moved = np.roll(here, (80, 120), (0, 1))  # the same tissue 120 px to the right and 80 down
    write_pyramid(tmp_path / "there.tif", picture=moved)
    screen = Screen(tmp_path)
    try:
        screen.start_viewer(tmp_path / "here.tif", tmp_path / "there.tif")
        screen.wait_for(lambda s: s["settled"] and s["slide"] == "here.tif")
        Hand(screen).click(0, 0)
        screen.do("key", "ctrl+2", "sleep", 1, "key", "Down", "key", "Return")
        seen = screen.wait_for(lambda s: s["beside"] and s["beside"]["settled"] and s["settled"])
        hand = Hand(screen)
        downsample = seen["view"][2]
        screen.do("key", "ctrl+l")
        hand.click(0, 0)
        x, y = seen["beside"]["canvas"]
        screen.do("mousemove", round(x + 120 / downsample), round(y + 80 / downsample))
        screen.do("sleep", 0.5, "click", 1)
        link = screen.wait_for(lambda s: s["beside"]["shift"])["beside"]
        assert link["factor"] == [1.0, 0.0]
        assert np.allclose(link["shift"], (120, 80), atol=2 * downsample)
        screen.do("mousemove", hand.x, hand.y, "click", "--repeat", 4, "--delay", 60, 4)
        screen.wait_for(lambda s: s["view"][2] < downsample and s["settled"])
        for step in range(6):
            before = screen.sees()["view"]
            hand.drag((0, 0), (20, 10), (40 - 15 * step, 30))
            seen = screen.wait_for(lambda s, before=before: s["view"] != before)
        seen = screen.wait_for(lambda s: s["settled"] and s["beside"]["settled"])
        place = np.add(seen["view"][:2], link["shift"])
        assert np.allclose(seen["beside"]["view"], [*place, seen["view"][2]], atol=1e-6)
    finally:
        screen.close()
