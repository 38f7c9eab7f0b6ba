"""Numbers as a person reads them."""

from datetime import datetime

import pytest

from viewer.text import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (42, "42 s"), (60, "1 min"), (200, "3 min"), (3600, "1 h 0 min"),
     (4800, "1 h 20 min")],
)  # fmt: skip
def test_a_duration_is_as_rough_as_it_is_long(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_no_time_is_left_at_the_end() -> None:
    assert formats.pace(15.2, 0.0) == "15 windows/s"


def test_a_slow_pace_has_a_decimal_and_a_fast_one_none() -> None:
    assert formats.pace(1.26, 42) == "1.3 windows/s, 42 s left"
    assert formats.pace(1234.5, 60) == "1\u202f234 windows/s, 1 min left"


def test_a_scale_that_is_unknown_leaves_pixels() -> None:
    assert formats.length(1500, None) == "1\u202f500 px"
    assert formats.length(1500, 0.5) == "750 µm"
    assert formats.length(4000, 0.5) == "2.00 mm"
    assert formats.area(1000, 0.5) == "250 µm²"
    assert formats.area(4e6, 0.5) == "1.00 mm²"


def test_a_day_is_as_long_as_it_must_be() -> None:
    now = datetime(2026, 5, 14, 9, 0)
    assert formats.day(datetime(2026, 5, 14, 0, 5), now) == "today, 00:05"
    assert formats.day(datetime(2026, 5, 1, 23, 0), now) == "1 May"
    assert formats.day(datetime(2025, 12, 31, 23, 0), now) == "31 December 2025"
