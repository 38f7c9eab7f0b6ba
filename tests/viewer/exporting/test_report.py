"""A report holds every region once, doubt first, on numbered pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale

from ssmamba.reading.values import Trust
from ssmamba.slides.slide import Slide
from tests.viewer.exporting.conftest import UNSURE, Maker
from tests.viewer.exporting.reading_pdf import Pdf
from tests.viewer.fakes import square
from viewer.exporting.facts import Facts
from viewer.exporting.report import report_bytes, write_report


@pytest.fixture(autouse=True)
def metric() -> None:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.German, QLocale.Country.Germany))
    yield
    QLocale.setDefault(before)


def test_what_the_regions_say_and_where_it_comes_from(tmp_path: Path, facts: Facts) -> None:
    write_report(tmp_path / "report.pdf", facts)
    pdf = Pdf((tmp_path / "report.pdf").read_bytes())
    assert pdf.size_pt == pytest.approx((595, 842), abs=1)
    text = "".join(pdf.text(page) for page in range(len(pdf.pages)))
    lines = [line for line in text.split("\n") if line]
    assert lines[:4] == [
        "Regions of small.tif", "2026-05-12 14:03", "1\u202f000 × 700 px, 0.5 µm/px",
        "3 regions, 2 with an answer",
    ]  # fmt: skip
    order = ["First", "Foreign tissue", "Adenocarcinoma, 90.0\u00a0%  ·  agrees with your class",
             "Second µ", "No tissue", "Mostly bare glass.", "Third", "No answer", "Provenance",
             "Research use only, not a medical device."]  # fmt: skip
    at = 0
    for line in order:
        at = lines.index(line, at) + 1
    glass = lines[lines.index("Second µ") : lines.index("Third")]
    assert not any("Adenocarcinoma" in line or "90.0" in line for line in glass)
    assert text.count("Research use only") == 1
    assert f"Slide: small.tif, content {facts.info.quick_hash}" in text.replace("\n", "")


def test_a_report_of_a_turned_slide_says_so(tmp_path: Path, facts: Facts) -> None:
    write_report(tmp_path / "report.pdf", replace(facts, rotation=270.0))
    pdf = Pdf((tmp_path / "report.pdf").read_bytes())
    text = "".join(pdf.text(page) for page in range(len(pdf.pages)))
    assert "Pictures: rotated by −90°" in text


def test_pages_are_numbered_and_no_region_is_cut_or_lost(maker: Maker, facts: Facts) -> None:
    regions = [
        maker.region(square(10 * n, 10 * n, 80, f"Region {n}"), UNSURE, Trust(True))
        for n in range(1, 15)
    ]
    seen: list[tuple[int, int]] = []
    with Slide.open(facts.info.path) as slide:
        made = replace(facts, regions=tuple(regions))
        pdf = Pdf(report_bytes(slide, made, lambda *at: seen.append(at)))
    texts = [pdf.text(page).split("\n") for page in range(len(pdf.pages))]
    assert len(texts) > 3
    for number, lines in enumerate(texts, start=1):
        assert f"Page {number} of {len(texts)}" in lines and "small.tif" in lines
        begun = [n for n in range(1, 15) if f"Region {n}" in lines]
        assert lines.count("Foreign tissue") == len(begun)  # the answers stand with their region
    everything = [line for lines in texts for line in lines]
    assert [everything.count(f"Region {n}") for n in range(1, 15)] == [1] * 14
    assert seen == [(n, 14) for n in range(15)]


def test_a_region_with_more_answers_than_a_page_holds_goes_on(maker: Maker, facts: Facts) -> None:
    region = maker.region(square(100, 100, 80, "Many"), *[UNSURE] * 40)
    with Slide.open(facts.info.path) as slide:
        pdf = Pdf(report_bytes(slide, replace(facts, regions=(region,))))
    texts = [pdf.text(page).split("\n") for page in range(len(pdf.pages))]
    everything = [line for lines in texts for line in lines]
    assert [sum(line.startswith(f"Model {n}  ·") for line in everything) for n in range(1, 41)] == [
        1
    ] * 40
    assert "continued" in everything
