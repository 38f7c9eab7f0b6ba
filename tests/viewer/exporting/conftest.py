"""A slide with regions, answers and a map, as they are exported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from ssmamba.checkpoints.card import Card, read_card
from ssmamba.engine.messages import Classify, ClassifyResult, SlideRef
from ssmamba.headless.answers import Answer
from ssmamba.reading.values import Trust
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from tests.viewer.fakes import answer, square, write_model
from viewer.canvas import Overlay
from viewer.exporting.facts import Facts, RegionAnswer, RegionFacts, ShownMap

UNSURE = Trust(False, ("the model has not seen such tissue",), doubt="foreign")
GLASS = Trust(False, ("mostly bare glass",), doubt="glass")


@dataclass
class Maker:
    """Makes answers of one model."""

    card: Card
    slide: str

    def result(self, roi: Roi, trust: Trust, **changes: object) -> ClassifyResult:
        made = answer(Classify(1, SlideRef(self.slide), roi, ("m",)), "m", 0.9)
        return replace(made, trust=trust, **changes)

    def region(self, roi: Roi, *trusts: Trust, **changes: object) -> RegionFacts:
        """A region with one answer for each trust, of "Model 1", "Model 2" …"""
        answers = [
            RegionAnswer(Answer(f"Model {n}", self.card, self.result(roi, trust, **changes)))
            for n, trust in enumerate(trusts, start=1)
        ]
        return RegionFacts(roi, tuple(answers))


@pytest.fixture
def maker(tmp_path: Path, slide_file: Path, qapp: QApplication) -> Maker:
    return Maker(read_card(write_model(tmp_path / "m.safetensors")), str(slide_file))


@pytest.fixture
def facts(maker: Maker, slide_file: Path) -> Facts:
    """Three regions: sure and of the user's class, in doubt, and of glass; one without answer."""
    own = replace(square(200, 150, 300, "First", "1"), class_name="Adenocarcinoma")
    regions = (
        maker.region(own, Trust(True), UNSURE, read_share=0.83),
        maker.region(square(550, 100, 200, "Second µ", "2"), GLASS),
        RegionFacts(Roi((((((40.0, 50.0),),)),), kind="point", id="3", name="Third")),
    )
    with Slide.open(slide_file) as slide:
        return Facts(slide.info, slide.mpp, True, regions, "2026-05-12 14:03")


@pytest.fixture
def with_map(facts: Facts) -> RegionFacts:
    """The first region under a blue map."""
    blue = QImage(8, 8, QImage.Format.Format_ARGB32_Premultiplied)
    blue.fill(0xFF0000FF)
    roi = facts.regions[0].roi
    overlay = Overlay(blue, 200, 150, 300, 300, clip=roi)
    shown = ShownMap(overlay, -0.125, 0.375, "inferno", 1.0, "Evidence for X", "GradCAM, detail 2")
    return replace(facts.regions[0], map=shown)
