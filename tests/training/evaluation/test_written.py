"""Tables of results in files."""

from __future__ import annotations

from pathlib import Path

from training.evaluation.written import markdown_table, write_csv


def test_a_markdown_table_has_a_line_for_its_head_and_for_each_row() -> None:
    assert markdown_table(["model", "n"], [["a", 1], ["b", "none"]]) == (
        "| model | n |\n|---|---|\n| a | 1 |\n| b | none |"
    )
    assert markdown_table(["model"], []) == "| model |\n|---|"


def test_a_csv_rounds_and_leaves_what_is_unknown_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, [{"model": "a, b", "nll": 1 / 3}, {"model": "c", "nll": None}])
    assert path.read_text() == 'model,nll\n"a, b",0.333333\nc,\n'
    write_csv(path, [], "cell")
    assert path.read_text() == "cell\n"
