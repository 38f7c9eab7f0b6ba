"""The matrix of evidence maps in the whole window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from scipy.stats import spearmanr

from ssmamba.engine.messages import Explain, ExplainResult
from ssmamba.explain.stitch import map_values
from tests.viewer import fakes
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import FakeEngine, square, write_model
from viewer.compare.cell import CompareCell
from viewer.compare.grid import CompareGrid
from viewer.saving.workbench import WorkbenchStore
from viewer.state.comparison import Comparison
from viewer.state.settings import SIGNED_COLORMAP, MapSpec


@pytest.fixture
def different(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every map has values of its own."""
    real = fakes.explanation

    def explanation(request: Explain, checkpoint: str) -> ExplainResult:
        made = real(request, checkpoint)
        seed = f"{Path(checkpoint).stem}{request.target}{request.method}{request.stage}"
        values = np.random.default_rng(list(seed.encode())).normal(0.2, 1, (7, 7))
        packed = values.astype(np.float32)
        maps = (replace(made.maps[0], values=packed.tobytes()),)
        return replace(made, maps=maps, low=float(packed.min()), high=float(packed.max()))

    monkeypatch.setattr(fakes, "explanation", explanation)


def settle(bench: Bench) -> None:
    """Wait for the comparison; an enlarged one hides the slide, which then paints nothing."""
    compare = bench.window.compare
    bench.qtbot.waitUntil(lambda: not (bench.work.busy or compare.busy) and compare.settled)


def choose(bench: Bench, **changes: object) -> Comparison:
    state = bench.window.compare.state
    state.choose(replace(state.choice, **changes))
    settle(bench)
    return state


def compare_of(bench: Bench) -> CompareGrid:
    """As large as it gets."""
    bench.window.resize(1600, 1000)
    bench.window.compare.set_enlarged(True)
    settle(bench)
    return bench.window.compare


def raw(bench: Bench, spec: MapSpec) -> np.ndarray:
    result = bench.window.compare.state.result(spec)
    assert result is not None
    return map_values(result.maps[0])


def test_checkpoints_by_classes(bench: Bench) -> None:
    roi = bench.draw(*RING)
    state = choose(bench, axis="classes")
    compare = compare_of(bench)
    specs = state.page_specs
    assert [spec.target for spec in specs] == ["aca", "scc", "n"] * 2
    assert list(compare.cells) == [None, *specs]
    painted = {m.spec: m.overlay for m in bench.work.maps.maps if m.roi_id == roi.id}
    for spec in specs:
        assert compare.cells[spec].canvas.scene.overlays.overlays == (painted[spec],)
    shares = [compare.cells[spec].footer.numbers_text.partition(" · ")[0] for spec in specs]
    assert shares == ["80.0 %", "15.0 %", "5.0 %"] * 2
    assert {"First model", "Second model", "Adenocarcinoma", "Benign tissue"} <= set(
        bench.texts(compare).splitlines()
    )
    on_slide = bench.window.canvas.scene.overlays.overlays
    assert [m.spec for m in bench.work.maps.on_slide()] == [MapSpec(specs[0].checkpoint)]
    assert len(on_slide) == 1


@pytest.mark.parametrize(("axis", "columns"), [("methods", 7), ("stages", 4)])
def test_checkpoints_by_methods_and_by_stages(bench: Bench, axis: str, columns: int) -> None:
    bench.draw(*RING)
    state = choose(bench, axis=axis)
    compare_of(bench)
    assert len(state.columns) == columns
    seen = set(state.page_specs)
    while state.can_go_on:
        state.next_page()
        settle(bench)
        seen |= set(state.page_specs)
        cells = bench.window.compare.cells
        assert all(cells[spec].canvas.scene.overlays.overlays for spec in state.page_specs)
    assert len(seen) == 2 * columns


def test_auto_names_the_detail_of_each_model_and_the_same_for_all_none(
    bench: Bench, tmp_path: Path, engines: list[FakeEngine]
) -> None:
    third = write_model(tmp_path / "third.safetensors", "Third model", cam_stage=2)
    bench.work.files.open([str(third)])
    bench.draw(*RING)
    settle(bench)

    def said() -> list[str]:
        cells = list(bench.window.compare.cells.values())[1:]
        return [cell.accessibleName().rpartition("%")[2] for cell in cells]

    assert said() == ["", "", ""]
    asked = [r for r in engines[0].of_kind(Explain) if str(third) in r.checkpoints]
    assert 4 in {request.stage for request in asked}
    choose(bench, detail=-1)
    assert said() == [" · detail 4", " · detail 4", " · detail 2"]


def test_the_cursor_reads_the_raw_value_of_every_cell_at_the_same_place(
    bench: Bench, different: None
) -> None:
    bench.draw(*RING)
    state = choose(bench, axis="classes")
    compare = compare_of(bench)
    window = state.result(state.page_specs[0]).maps[0].window
    row, column = 2, 4
    x, y = window.x + (column + 0.5) * window.side / 7, window.y + (row + 0.5) * window.side / 7
    canvas = compare.cells[state.page_specs[3]].canvas
    at = canvas.camera.view.to_screen(x, y).toPoint()
    QTest.mouseMove(canvas, at)
    for spec in state.page_specs:
        wanted = f"{raw(bench, spec)[row, column]:.3g}".replace("-", "\u2212")
        assert compare.cells[spec].footer.value_text == wanted
    QTest.mouseMove(canvas, QPoint(1, 1))
    assert compare.cells[state.page_specs[0]].footer.value_text == ""  # beside the windows


def test_numbers_beside_the_pictures_are_those_of_a_script(bench: Bench, different: None) -> None:
    quarter = square(100, 100, 100, "Quarter")
    bench.document.add([quarter, square(100, 100, 200, "All", "all")])
    bench.document.select("all")
    state = choose(bench, axis="classes", inside=quarter.id)
    first = raw(bench, state.pair[0])
    for spec in state.page_specs:
        numbers = bench.work.comparing.numbers(spec)
        values = raw(bench, spec)
        if spec != state.pair[0]:
            wanted = spearmanr(first.ravel(), values.ravel()).statistic
            assert numbers.rho == pytest.approx(wanted, abs=1e-9)
        assert numbers.share.area == pytest.approx(0.25)
        assert numbers.share.energy == pytest.approx(energy_by_script(values), abs=1e-4)


def energy_by_script(values: np.ndarray, side: int = 400) -> float:
    """Of the top left quarter; bilinear between the cells, by hand."""
    at = np.clip((np.arange(side) + 0.5) * 7 / side - 0.5, 0, 6)
    low = np.minimum(at.astype(int), 5)
    part = at - low
    rows = values[low] * (1 - part)[:, None] + values[low + 1] * part[:, None]
    picture = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    positive = np.maximum(picture.astype(float), 0)
    return float(positive[: side // 2, : side // 2].sum() / positive.sum())


def test_evidence_is_counted_in_the_regions_of_each_maps_class(
    bench: Bench, different: None
) -> None:
    tumour = square(100, 100, 100, "T").classified("Adenocarcinoma", (1, 2, 3))
    bench.document.add([tumour, square(100, 100, 200, "All", "all")])
    bench.document.select("all")
    state = choose(bench, axis="classes", inside="class")
    compare_of(bench)
    aca, scc = state.page_specs[:2]
    assert bench.work.comparing.numbers(aca).share.area == pytest.approx(0.25)
    assert bench.work.comparing.numbers(scc).share is None  # nobody drew such a region
    assert "inside" in bench.window.compare.cells[aca].footer.numbers_text
    assert "inside" not in bench.window.compare.cells[scc].footer.numbers_text


def test_own_scales_have_a_legend_each_and_a_shared_one_one_for_all(
    bench: Bench, different: None
) -> None:
    bench.draw(*RING)
    choose(bench)
    compare = bench.window.compare
    cells = [cell for spec, cell in compare.cells.items() if spec]
    ends = [cell.footer.scale.ends for cell in cells]
    assert all(cell.footer.scale.isVisible() for cell in cells)
    assert ends[0] != ends[1] and {low for low, _ in ends} == {"0"}
    assert not compare.strip.scale.isVisible()
    look = replace(bench.document.map_painting, scale="shared")
    bench.document.set_map_painting(look)
    settle(bench)
    assert not any(cell.footer.scale.isVisible() for cell in cells)
    assert compare.strip.scale.isVisible()
    highest = max(float(high) for _, high in ends)
    assert float(compare.strip.scale.ends[1]) == pytest.approx(highest, rel=0.05)


def cell_of(bench: Bench, number: int) -> CompareCell:
    return list(bench.window.compare.cells.values())[number]


def test_a_and_b_are_chosen_by_key_and_by_menu(bench: Bench) -> None:
    bench.draw(*RING)
    state = choose(bench, axis="classes")
    compare_of(bench)
    assert [cell_of(bench, n).letter for n in (1, 2, 3)] == ["A", "B", ""]
    QTest.keyClick(cell_of(bench, 3).canvas, Qt.Key.Key_A)
    assert state.pair[0] == state.page_specs[2]
    settle(bench)
    assert [cell_of(bench, n).letter for n in (1, 2, 3)] == ["", "B", "A"]
    cell_of(bench, 4).menu().actions()[1].trigger()
    assert state.pair[1] == state.page_specs[3]


def test_swiping_shows_a_left_and_b_right_of_the_line(bench: Bench, different: None) -> None:
    roi = bench.draw(*RING)
    state = choose(bench, look="swipe")
    pair = bench.window.compare.pair
    painted = {m.spec: m.overlay for m in bench.work.maps.maps if m.roi_id == roi.id}
    layer = pair.canvas.layer
    assert pair.isVisible() and layer.split == 0.5
    left, top, right, bottom = pair.canvas.camera.view.rect
    assert left < roi.bounds[0] and right > roi.bounds[2] and top < roi.bounds[1]
    assert bottom - top < 2 * (roi.bounds[3] - roi.bounds[1])  # it fills the view
    assert layer.overlays == (painted[state.pair[0]],)
    assert layer.other.overlays == (painted[state.pair[1]],)
    both = pair.canvas.grab().toImage()
    line = QPoint(round(pair.canvas.width() / 2), 20)
    QTest.mousePress(pair.canvas, Qt.MouseButton.LeftButton, pos=line)
    QTest.mouseMove(pair.canvas, QPoint(pair.canvas.width() // 4, 20))
    QTest.mouseRelease(
        pair.canvas, Qt.MouseButton.LeftButton, pos=QPoint(pair.canvas.width() // 4, 20)
    )
    assert pair.canvas.split == pytest.approx(0.25, abs=0.01)
    there = QPoint(pair.canvas.width() // 4, 20)
    QTest.mousePress(pair.canvas, Qt.MouseButton.MiddleButton, pos=there)  # pans, as everywhere
    QTest.mouseMove(pair.canvas, line)
    QTest.mouseRelease(pair.canvas, Qt.MouseButton.MiddleButton, pos=line)
    assert pair.canvas.split == pytest.approx(0.25, abs=0.01)
    assert pair.canvas.grab().toImage() != both
    QTest.keyClick(pair.canvas, Qt.Key.Key_Period)
    assert pair.canvas.split == pytest.approx(0.30, abs=0.01)


def test_blinking_shows_one_map_after_the_other(bench: Bench) -> None:
    bench.draw(*RING)
    pair, seen = bench.window.compare.pair, []
    pair.canvas.split_changed.connect(seen.append)
    choose(bench, look="blink")
    bench.qtbot.waitUntil(lambda: {0.0, 1.0} <= set(seen))
    pair.canvas.set_split(0.0)
    assert "Map B is shown" in bench.texts(pair)
    choose(bench, look="grid")
    assert not pair._blink.isActive()


def test_the_difference_is_signed_about_zero_and_read_at_the_cursor(
    bench: Bench, different: None
) -> None:
    bench.draw(*RING)
    state = choose(bench, look="difference")
    bench.document.set_map_painting(replace(bench.document.map_painting, scale="shared"))
    settle(bench)
    made = bench.work.comparing.difference
    assert made is not None and made.raw
    a, b = (raw(bench, spec).astype(float) for spec in state.pair)
    window = state.result(state.pair[0]).maps[0].window
    middle = window.x + 3.5 * window.side / 7, window.y + 3.5 * window.side / 7
    footer = bench.window.compare.pair.footers[1]
    low, high = footer.scale.ends
    assert low == f"\u2212{high}" and footer.scale.isVisible()
    assert footer.scale._ramp._colors.pixelColor(0, 0).blue() > 150  # SIGNED_COLORMAP
    assert SIGNED_COLORMAP == "blue-red"
    canvas = bench.window.compare.pair.canvas
    QTest.mouseMove(canvas, canvas.camera.view.to_screen(*middle).toPoint())
    assert footer.value_text == f"{(a - b)[3, 3]:.3g}".replace("-", "\u2212")
    state.swap()
    settle(bench)
    other = bench.work.comparing.difference
    assert other is not None and np.allclose(other.values, -made.values)


def test_the_difference_of_own_scales_is_one_of_shares(bench: Bench, different: None) -> None:
    bench.draw(*RING)
    choose(bench, look="difference")
    made = bench.work.comparing.difference
    assert made is not None and not made.raw
    assert "shares of each scale" in bench.window.compare.pair.footers[1].numbers_text


def test_pages_are_turned_by_keyboard_and_by_mouse(bench: Bench, tmp_path: Path) -> None:
    more = [write_model(tmp_path / f"more{n}.safetensors", f"More {n}") for n in range(8)]
    bench.work.files.open([str(path) for path in more])
    settle(bench)
    compare, actions = bench.window.compare, bench.window.actions_by_name
    assert "Models 1 to 8 of 10" in bench.texts(compare.strip)
    assert len(compare.cells) == 9 and not actions["comparison_back"].isEnabled()
    actions["comparison_on"].trigger()
    assert "Models 9 to 10 of 10" in bench.texts(compare.strip)
    assert len(compare.cells) == 3
    QTest.mouseClick(compare.strip._back, Qt.MouseButton.LeftButton)
    assert len(compare.cells) == 9


def test_an_enlarged_comparison_takes_the_slides_place_and_gives_it_back(bench: Bench) -> None:
    action = bench.window.actions_by_name["enlarge_comparison"]
    action.trigger()
    assert not bench.window.canvas.isVisible() and bench.window.compare.isVisible()
    bench.window.actions_by_name["compare"].trigger()
    assert bench.window.canvas.isVisible()  # closing the comparison leaves no empty window
    bench.window.actions_by_name["compare"].trigger()
    action.trigger()
    assert bench.window.canvas.isVisible() and bench.window.compare.isVisible()


def test_what_is_compared_comes_back(bench: Bench, tmp_path: Path) -> None:
    bench.work.workbench.begin(use_models=False, reopen=False)
    bench.qtbot.waitUntil(lambda: not bench.work.busy)
    choose(bench, axis="methods", detail=2, look="swipe")
    state = bench.window.compare.state
    state.choose(state.choice.hiding({"LayerCAM"}))
    bench.work.workbench.finish()
    kept = WorkbenchStore(tmp_path / "user").load().matrix
    assert kept == state.choice and kept.hidden_methods == ("LayerCAM",)


def test_a_new_slide_has_no_numbers_of_the_old_one(bench: Bench) -> None:
    bench.draw(*RING)
    state = choose(bench)
    assert bench.work.comparing.numbers(state.page_specs[0]).share is not None
    bench.document.select(None)
    settle(bench)
    assert bench.work.comparing.numbers(state.page_specs[0]).share is None


def test_two_maps_at_one_place_follow_scale_and_colour_profile(bench: Bench) -> None:
    bench.draw(*RING)
    choose(bench, look="swipe")
    canvas = bench.window.compare.pair.canvas
    assert canvas.scene.icc
    bench.document.set_slide_settings(replace(bench.document.slide_settings, mpp=0.7, icc=False))
    assert (canvas.scene.icc, canvas.camera.mpp) == (False, 0.7)


def test_a_region_to_count_in_that_is_gone_is_not_spoken_of(bench: Bench) -> None:
    bench.document.add([square(100, 100, 200, "All", "all"), square(100, 100, 100, "", "in")])
    bench.document.select("all")
    state = choose(bench, inside="in")
    spec = state.page_specs[0]
    footer = bench.window.compare.cells[spec].footer
    assert "lies in Unnamed region," in footer.toolTip()
    bench.document.remove(["in"])
    settle(bench)
    assert "lies in the selected region," in footer.toolTip()
    assert bench.work.comparing.numbers(spec).share.area == pytest.approx(1.0)
    bench.document.undo()
    settle(bench)
    assert bench.work.comparing.numbers(spec).share.area == pytest.approx(0.25)
