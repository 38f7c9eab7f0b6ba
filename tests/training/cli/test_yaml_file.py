"""Recipes with honest and with odd values: one sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import DataError
from training.cli import yaml_file
from training.cli.command import parse
from training.cli.yaml_file import read_yaml
from training.config import FinetuneConfig

NEEDED = ["--data", "d", "--out", "o"]


def recipe(folder: Path, text: str) -> list[str]:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return [*NEEDED, "--config", str(path)]


def test_a_date_is_a_text(tmp_path: Path) -> None:
    asked = recipe(tmp_path, "name: 2024-05-01\ntags: {made: 2024-05-01}\n")
    config = parse(FinetuneConfig, asked, "finetune")
    assert config.name == "2024-05-01" and config.tags == {"made": "2024-05-01"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2024-05-01: 3", "unknown value '2024-05-01'"),
        ("name: !!timestamp 2024-05-01", "'name' is neither text nor a number"),
        ("name: !!binary aGVsbG8=", "'name' is neither text nor a number"),
        ("tags: !!set {a, b}", "'tags' is neither text nor a number"),
        ("kernels: &x [*x]", "nested too deeply, repeats itself"),
        ("tags: &x {a: *x}", "nested too deeply, repeats itself"),
        ('lr: !!float "x"', "could not convert"),
        ("seed: " + "9" * 5000, "cannot be read as YAML"),
        ("seed: " + "9" * 400, r"--seed 99999999… must be below 2\^32"),
        ("seed: 4294967296", r"--seed 4.29497e\+09 must be below"),
        ("? [1, 2]\n: 3", "check --config"),
        ("kernels: " + "[" * 3000 + "]" * 3000, "check --config"),
    ],
)
def test_odd_values_are_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        parse(FinetuneConfig, recipe(tmp_path, text), "finetune")


def test_aliases_that_multiply_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "MOST_VALUES", 20)
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &a [1, 2, 3]\nb: &b [*a, *a]\n")
    assert read_yaml(path, "check it")["b"] == [[1, 2, 3], [1, 2, 3]]
    path.write_text("a: &a [1, 2, 3]\nb: &b [*a, *a, *a]\nc: [*b, *b]\n")
    with pytest.raises(DataError, match=r"is too long\); check it"):
        read_yaml(path, "check it")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("1:30", "1:30"), ("010", "010"), ("0x10", "0x10"),
        ("true", True), ("False", False), ("~", None), ("10", 10), ("-3", -3), ("0", 0),
        ("1e-3", 1e-3), ("1.5e3", 1500.0), (".5", 0.5), ("5e-05", 5e-5), ("1_000", 1000),
        ("0.10", 0.1), ("2024-05-01", "2024-05-01"), ("'1'", "1"),
    ],
)  # fmt: skip
def test_a_value_is_what_it_looks_like(tmp_path: Path, text: str, value: object) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"a: {text}\n")
    found = read_yaml(file, "check it")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["lr: 1\nseed: 3\nlr: 2", "x: {lr: 1, lr: 2}"])
def test_a_value_that_is_there_twice_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match="'lr' is there twice, again in line"):
        read_yaml(file, "check it")
