"""What the comparison asks for: rows, columns, pages, detail, the two maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.viewer.fakes import write_model
from viewer.state.comparison import Comparison, without_region
from viewer.state.document import Document
from viewer.state.library import ModelLibrary, read_model
from viewer.state.matrix import OWN, MatrixChoice
from viewer.state.settings import MapSpec


class Table:
    """A comparison of a number of models of three classes."""

    def __init__(self, folder: Path, count: int, **card: object) -> None:
        self.document, self.library = Document(), ModelLibrary()
        self.library.changed.connect(lambda: self.document.maps.follow(self.library.in_use))
        self.state = Comparison(self.document, self.library)
        files = [write_model(folder / f"m{n:02}.safetensors", **card) for n in range(count)]
        self.library.add([read_model(file) for file in files], use=True)
        self.state.set_opened(True)

    def choose(self, **changes: object) -> None:
        self.state.choose(replace(self.state.choice, **changes))

    @property
    def paths(self) -> list[str]:
        return [model.path for model in self.library.in_use]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path, 3)


def test_columns_are_one_or_all_classes_methods_or_stages(table: Table) -> None:
    assert [spec.target for spec in table.state.page_specs] == [None] * 3
    table.choose(axis="classes")
    assert [column.title for column in table.state.columns] == [
        "Adenocarcinoma", "Squamous cell carcinoma", "Benign tissue",
    ]  # fmt: skip
    assert [(s.checkpoint, s.target) for s in table.state.page_specs] == [
        (path, key) for path in table.paths for key in ("aca", "scc", "n")
    ]
    table.choose(axis="methods")
    assert {spec.method for spec in table.state.all_specs} >= {"GradCAM", "EigenCAM"}
    table.choose(axis="stages")
    assert [spec.stage for spec in table.state.page_specs] == [1, 2, 3, None] * 3  # 4: its own


def test_a_column_that_is_left_out_is_kept_for_its_axis(table: Table) -> None:
    table.choose(axis="classes")
    table.state.choose(table.state.choice.hiding({"scc"}))
    assert {spec.target for spec in table.state.all_specs} == {"aca", "n"}
    table.choose(axis="stages")
    assert len(table.state.columns) == 4
    table.choose(axis="classes")
    assert [column.key for column in table.state.columns] == ["aca", "n"]
    table.state.choose(table.state.choice.hiding({"aca", "scc", "n"}))
    assert len(table.state.columns) == 1


def test_a_method_that_ignores_the_class_has_one_column_of_classes(table: Table) -> None:
    table.choose(axis="classes")
    table.document.maps.choose(method="EigenCAM")
    assert [column.key for column in table.state.columns] == [""]


def test_23_models_are_on_three_pages_and_none_is_left_out(tmp_path: Path) -> None:
    table = Table(tmp_path, 23)
    seen, texts = [], []
    while True:
        texts.append(table.state.page.text)
        seen += [model.path for model in table.state.page.models]
        if not table.state.can_go_on:
            break
        table.state.next_page()
    assert seen == table.paths
    assert texts == ["Models 1 to 8 of 23", "Models 9 to 16 of 23", "Models 17 to 23 of 23"]
    assert table.state.can_go_back
    table.state.previous_page()
    assert table.state.page.text == "Models 9 to 16 of 23"


def test_columns_that_do_not_fit_are_on_pages_too(tmp_path: Path) -> None:
    table = Table(tmp_path, 3)
    table.choose(axis="stages")
    table.state.set_room(2, 3)
    seen, texts = [], []
    for _ in range(4):
        texts.append(table.state.page.text)
        seen += table.state.page_specs
        table.state.next_page()
    assert set(seen) == set(table.state.all_specs) and len(seen) == 12
    assert texts == [
        "Models 1 to 2 of 3 · Columns 1 to 3 of 4", "Models 1 to 2 of 3 · Column 4 of 4",
        "Model 3 of 3 · Columns 1 to 3 of 4", "Model 3 of 3 · Column 4 of 4",
    ]  # fmt: skip
    assert not table.state.can_go_on
    for _ in range(3):
        table.state.previous_page()
    assert table.state.page.text == texts[0] and not table.state.can_go_back


def test_a_smaller_window_keeps_the_model_in_view(tmp_path: Path) -> None:
    table = Table(tmp_path, 20)
    table.choose(axis="classes")
    table.state.set_room(8, 3)
    table.state.next_page()
    table.state.set_room(3, 3)
    assert table.state.page.text == "Models 7 to 9 of 20"


def test_only_the_page_is_asked_for_unless_a_scale_is_shared_or_a_file_is_made(
    tmp_path: Path,
) -> None:
    table = Table(tmp_path, 10)
    table.choose(axis="classes")
    table.state.set_room(2, 3)
    maps = table.document.maps
    assert len([spec for spec in maps.painted if spec.target]) == 6
    assert len([spec for spec in maps.wanted if spec.target]) == 6
    table.document.set_map_painting(replace(table.document.map_painting, scale="shared"))
    assert len([spec for spec in maps.wanted if spec.target]) == 30
    assert len([spec for spec in maps.painted if spec.target]) == 6
    table.document.set_map_painting(replace(table.document.map_painting, scale="own"))
    table.state.set_opened(False)
    assert not [spec for spec in maps.wanted if spec.target]
    table.state.want_all(True)
    assert len([spec for spec in maps.wanted if spec.target]) == 30


def test_one_detail_for_all_is_that_of_the_model_on_the_slide(tmp_path: Path) -> None:
    table = Table(tmp_path, 2)
    other = write_model(tmp_path / "other.safetensors", cam_stage=2)
    table.library.add([read_model(other)], use=True)

    def stages() -> list[int | None]:
        return [spec.stage for spec in table.state.page_specs]

    assert stages() == [None, None, 4]  # None: it is the model's own
    table.library.show(str(other))
    assert stages() == [2, 2, None]
    table.choose(detail=OWN)
    assert stages() == [None, None, None]
    table.choose(detail=3)
    assert stages() == [3, 3, 3]
    table.choose(detail=0)
    table.document.maps.choose(stage=1)
    assert stages() == [1, 1, 1]


def test_the_maps_on_the_slide_are_as_they_were(table: Table) -> None:
    before = table.document.maps.specs
    table.choose(axis="classes", detail=1)
    assert table.document.maps.specs == before
    assert table.document.maps.of(table.paths[0]) == MapSpec(table.paths[0])


def test_a_and_b_are_the_first_two_until_they_are_chosen(table: Table) -> None:
    first, second, third = table.state.page_specs
    assert table.state.pair == (first, second)
    table.state.set_pair(b=third)
    assert table.state.pair == (first, third)
    table.state.set_pair(a=third)
    assert table.state.pair == (third, first)
    table.state.swap()
    assert table.state.pair == (first, third)
    table.library.set_in_use(third.checkpoint, False)
    assert table.state.pair == (first, second)
    table.library.set_in_use(second.checkpoint, False)
    assert table.state.pair is None


def test_a_map_of_another_page_can_be_a(tmp_path: Path) -> None:
    table = Table(tmp_path, 12)
    first = table.state.page_specs[0]
    table.state.set_pair(a=first)
    table.state.next_page()
    assert table.state.pair is not None and table.state.pair[0] == first
    assert first in table.document.maps.painted and first not in table.state.page_specs


def test_listeners_are_told_of_what_changed_and_of_nothing_else(table: Table) -> None:
    told: list[int] = []
    table.state.changed.connect(lambda: told.append(1))
    table.state.choose(table.state.choice)
    table.state.set_room(8, 8)
    table.state.next_page()
    assert not told
    table.choose(look="swipe")
    assert told


def test_a_region_of_a_slide_is_not_kept_over_the_starts() -> None:
    assert without_region(MatrixChoice(inside="some-id")).inside == ""
    assert without_region(MatrixChoice(inside="class")).inside == "class"


def test_models_without_classes_have_one_column() -> None:
    state = Comparison(Document(), ModelLibrary())
    state.choose(MatrixChoice(axis="classes"))
    assert [column.key for column in state.all_columns] == [""]
    assert state.columns == state.all_columns
