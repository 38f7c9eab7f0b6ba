"""Which precision an operation runs in: measured once a machine, kept, and never in the way."""

import json
from types import SimpleNamespace

import pytest
import torch

from ssmamba.errors import InputError
from ssmamba.inference.frozen import precision as p


class Work:
    """Takes longer in one of the dtypes, by a clock of its own."""

    now = 0.0

    def __init__(self, slow: torch.dtype) -> None:
        self.slow, self.seen = slow, []

    def __call__(self, dtype: torch.dtype) -> torch.dtype:
        self.seen.append(dtype)
        Work.now += 3.0 if dtype == self.slow else 1.0
        return dtype


@pytest.fixture
def choices(tmp_path, monkeypatch) -> p.Choices:
    monkeypatch.setattr(p, "has_fast_bfloat16", lambda: True)
    monkeypatch.setattr(p, "time", SimpleNamespace(perf_counter=lambda: Work.now))
    monkeypatch.delenv(p.VARIABLE, raising=False)
    return p.Choices(tmp_path / "deep" / "precision.json")


@pytest.mark.parametrize(
    ("slow", "quick"), [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float32)]
)
def test_the_quicker_dtype_is_measured_once_and_kept(choices, slow, quick):
    precisions, work = p.Precisions(True, choices), Work(slow)
    assert precisions.run("product 8", 100, work) == quick
    assert precisions.lowered == (quick == torch.bfloat16)
    measured = len(work.seen)
    assert precisions.run("product 8", 128, work) == quick  # the same power of two
    assert len(work.seen) == measured + 1
    later = Work(quick)  # another process would read the file
    assert p.Precisions(True, p.Choices(choices.path)).run("product 8", 100, later) == quick
    assert len(later.seen) == 1


def test_sizes_are_measured_by_themselves(choices):
    precisions = p.Precisions(True, choices)
    assert precisions.run("product 8", 100, Work(torch.float32)) == torch.bfloat16
    assert precisions.run("product 8", 1000, Work(torch.bfloat16)) == torch.float32


def test_other_machines_choices_are_kept_and_not_used(choices):
    choices.path.parent.mkdir()
    other = {"another processor | torch 1": {"product 8, 128 entries, 1 threads": "bfloat16"}}
    choices.path.write_text(json.dumps(other))
    work = Work(torch.bfloat16)
    assert p.Precisions(True, choices).run("product 8", 100, work) == torch.float32
    assert json.loads(choices.path.read_text())["another processor | torch 1"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"x": 1}', '{"x": {"y": "float8"}}'])
def test_a_damaged_file_is_measured_anew(choices, content):
    choices.path.parent.mkdir()
    choices.path.write_text(content)
    assert p.Precisions(True, choices).run("product", 8, Work(torch.float32)) == torch.bfloat16


def test_a_place_that_cannot_be_written_costs_nothing_else(choices, tmp_path):
    (tmp_path / "deep").write_text("a file where the folder would be")
    precisions = p.Precisions(True, choices)
    for _ in range(2):
        assert precisions.run("product", 8, Work(torch.float32)) == torch.bfloat16


def test_float32_where_nothing_else_is_asked_for_or_fast(choices, monkeypatch):
    def never(work):
        raise AssertionError("measured")

    monkeypatch.setattr(p, "quicker", never)
    assert p.Precisions(False, choices).run("product", 8, Work(torch.float32)) == torch.float32
    monkeypatch.setenv(p.VARIABLE, "float32")
    assert p.Precisions(True, choices).run("product", 8, Work(torch.float32)) == torch.float32
    monkeypatch.delenv(p.VARIABLE)
    monkeypatch.setattr(p, "has_fast_bfloat16", lambda: False)
    assert p.Precisions(True, choices).run("product", 8, Work(torch.float32)) == torch.float32


def test_an_unknown_wish_is_refused(monkeypatch):
    monkeypatch.setenv(p.VARIABLE, "float16")
    with pytest.raises(InputError, match="give float32, or unset it"):
        p.Precisions(True)


def test_exactly_for_once(choices):
    precisions, work = p.Precisions(True, choices), Work(torch.float32)
    with precisions.exact():
        assert precisions.run("product", 8, work) == torch.float32
    assert len(work.seen) == 1 and not precisions.lowered
    assert precisions.run("product", 8, work) == torch.bfloat16
