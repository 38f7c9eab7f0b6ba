"""A figure says what the window says, at the right scale, in each format."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from ssmamba.errors import DataError
from tests.viewer.exporting.reading_pdf import Pdf
from viewer.exporting.facts import Facts, RegionFacts
from viewer.exporting.figure import EDGE_PT, PNG_DPI, WIDTH_PT, write_figure
from viewer.exporting.framing import frame_around
from viewer.tiles.reader import pixels

SAID = (
    "First",
    "Your class: Adenocarcinoma",
    "Adenocarcinoma, 90.0\u00a0%",
    "agrees with your class",
    "Foreign tissue",
    "The model has not seen such tissue.",
    "1\u00a0window · 83\u00a0% read",
    "Evidence for X",
    "0.5 µm/px",
    "sha256 ffffffffffff",
    "Research use only, not a medical device.",
)


def texts_of_svg(path: Path) -> str:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    found = [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text")]
    return "\n".join(found)


def unbroken(text: str) -> str:
    """Without the ends of lines, which depend on the font."""
    return text.replace("\n", "").replace(" ", "").replace("\u00a0", "")


def test_svg_and_pdf_hold_the_words_as_text(
    tmp_path: Path, facts: Facts, with_map: RegionFacts
) -> None:
    write_figure(tmp_path / "a.svg", facts, with_map)
    write_figure(tmp_path / "a.pdf", facts, with_map)
    pdf = Pdf((tmp_path / "a.pdf").read_bytes())
    assert len(pdf.pages) == 1 and pdf.size_pt[0] == pytest.approx(WIDTH_PT, abs=1)
    svg = texts_of_svg(tmp_path / "a.svg")
    for text in (svg, pdf.text(0)):
        missing = [words for words in SAID if unbroken(words) not in unbroken(text)]
        assert not missing
        assert text.count("Research use only") == 1
    assert "0.375" in svg and "\u22120.125" in svg  # raw values of the colour scale


def test_an_answer_without_a_class_names_none(tmp_path: Path, facts: Facts) -> None:
    write_figure(tmp_path / "glass.svg", facts, facts.regions[1])
    text = texts_of_svg(tmp_path / "glass.svg")
    assert "No tissue" in text and "Mostly bare glass." in text
    assert "Adenocarcinoma" not in text and "90.0" not in text and "Evidence" not in text


def test_the_scale_bar_is_as_long_as_it_says(tmp_path: Path, facts: Facts) -> None:
    region = RegionFacts(replace(facts.regions[0].roi, name=""))
    write_figure(tmp_path / "a.png", facts, region)
    image = QImage(str(tmp_path / "a.png")).convertToFormat(QImage.Format.Format_RGB32)
    assert image.width() == pytest.approx(WIDTH_PT * PNG_DPI / 72, abs=1)
    assert image.dotsPerMeterX() == pytest.approx(PNG_DPI / 0.0254, rel=0.01)
    frame = frame_around(region.roi, facts.info.width, facts.info.height)
    per_um = (WIDTH_PT - 2 * EDGE_PT) * PNG_DPI / 72 / frame.width / 0.5
    ink = np.abs(pixels(image)[..., :3].astype(int) - (42, 36, 32)).sum(-1) < 12
    longest = max(_runs(row) for row in ink if row.sum() > 30)
    assert longest == pytest.approx(20 * per_um, abs=2) or longest == pytest.approx(
        50 * per_um, abs=2
    )
    write_figure(tmp_path / "a.svg", facts, region)
    text = "20 µm" if longest < 30 * per_um else "50 µm"
    assert text in texts_of_svg(tmp_path / "a.svg").split("\n")


def _runs(row: np.ndarray) -> int:
    """The longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    return int(max(edges[1::2] - edges[::2], default=0))


def test_without_a_scale_lengths_are_in_pixels(tmp_path: Path, facts: Facts) -> None:
    write_figure(tmp_path / "a.svg", replace(facts, mpp=None), facts.regions[0])
    text = texts_of_svg(tmp_path / "a.svg")
    assert "scale unknown" in text and " px" in text and "µm" not in text


def test_a_turned_figure_says_so(tmp_path: Path, facts: Facts) -> None:
    write_figure(tmp_path / "a.svg", replace(facts, rotation=347.5), facts.regions[0])
    assert "rotated by −12.5°" in texts_of_svg(tmp_path / "a.svg")
    write_figure(tmp_path / "a.svg", facts, facts.regions[0])
    assert "rotated" not in texts_of_svg(tmp_path / "a.svg")


def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path, facts: Facts) -> None:
    with pytest.raises(DataError, match=r"\.png, \.svg, \.pdf"):
        write_figure(tmp_path / "a.docx", facts, facts.regions[0])
    assert list(tmp_path.glob("a.*")) == []
