"""Models against the first one: paired differences with intervals, by test and over all."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from ssmamba.files import write_json
from training.evaluation.tables import terminal_table
from training.evaluation.written import markdown_table
from training.metrics.classification import draws_over_seeds, interval
from training.suite.measure import Scored

RESAMPLES = 200
ALL = "all tests"
HEAD = ("test", "seeds", "first", "model", "difference", "wins")


@dataclass(frozen=True)
class Row:
    """A model beside the first one on one test, or on all."""

    model: str
    against: str
    test: str
    seeds: int
    first: float  # mean score of the first model
    score: float  # of this one
    ends: tuple[float, float]  # of the difference, 95 %
    wins: int  # pairs (test, seed) in which this model is ahead
    pairs: int

    @property
    def difference(self) -> float:
        return self.score - self.first

    @property
    def counts(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.ends[0] > 0 or self.ends[1] < 0


def compare(found: Sequence[Scored], first: str, model: str) -> list[Row]:
    """A row for each test that both models have with the same seeds, and one over all of them.

    A pair is a test and a seed: the same images, training labels and order. The interval of a test
    is bootstrapped over groups of images and over seeds; the one over all tests is of their mean,
    and tests of the same data draw together. It is about these tests, not about others.
    """
    by = {(t.task, t.test, t.model, t.seed): t for t in found}
    tests = list(dict.fromkeys((t.task, t.test) for t in found))
    rows, draws = [], []
    for task, test in tests:
        seeds = [
            seed
            for seed in sorted({t.seed for t in found})
            if all((task, test, name, seed) in by for name in (first, model))
        ]
        if not seeds:
            continue
        own, its = (
            np.stack([by[task, test, name, seed].values for seed in seeds])
            for name in (model, first)
        )
        pair = by[task, test, first, seeds[0]]
        gap = own - its
        drawn = draws_over_seeds(gap, pair.groups, RESAMPLES, zlib.crc32(pair.data.encode()))
        means = gap.mean(1)
        low, high = interval(drawn.tolist())
        name = task if test == "plain" else f"{task}, {test}"
        wins = int((means > 0).sum())
        scores = float(its.mean()), float(own.mean())
        rows.append(Row(model, first, name, len(seeds), *scores, (low, high), wins, len(seeds)))
        draws.append(drawn)
    if len(rows) > 1:
        low, high = interval(np.mean(draws, axis=0).tolist())
        means_of = (
            float(np.mean([r.first for r in rows])),
            float(np.mean([r.score for r in rows])),
        )
        wins, pairs = sum(r.wins for r in rows), sum(r.pairs for r in rows)
        least = min(r.seeds for r in rows)
        rows.append(Row(model, first, ALL, least, *means_of, (low, high), wins, pairs))
    return rows


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.ends
    gap = f"{row.difference:+.3f} [{low:+.3f}, {high:+.3f}]{' *' if row.counts else ''}"
    wins = f"{row.wins}/{row.pairs}"
    return (row.test, str(row.seeds), f"{row.first:.3f}", f"{row.score:.3f}", gap, wins)


def summary_table(rows: Sequence[Row]) -> Table:
    """For the terminal: one model beside the first one."""
    title = f"{rows[0].model} against {rows[0].against}" if rows else "no test in common"
    caption = "95 % intervals over groups and seeds; * leaves out zero; wins: of test and seed"
    return terminal_table(HEAD, [_cells(row) for row in rows], title, caption)


def write_report(
    folder: Path,
    found: Sequence[Scored],
    compared: Sequence[Sequence[Row]],
    failures: dict[str, str],
) -> list[Path]:
    """Write suite.md, and suite.json with the score of every trained model."""
    page = ["# Suite", ""]
    for rows in (rows for rows in compared if rows):
        page += [f"## {rows[0].model} against {rows[0].against}", ""]
        page += [markdown_table(HEAD, [_cells(row) for row in rows]), ""]
    page += [
        "`first` and `model` are mean scores over the seeds: AUC, balanced accuracy, or the share "
        "of CAMs that peak in their class's quadrant. A difference is paired by test and seed; "
        "its 95 % interval is bootstrapped over groups of images and over seeds, and the last "
        "row's is of the mean over these tests. `*`: it leaves out zero.",
        "",
        *(f"- failed: {key}: {why}" for key, why in failures.items()),
    ]
    files = [folder / "suite.md", folder / "suite.json"]
    files[0].write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")
    scores = [
        {"task": t.task, "test": t.test, "model": t.model, "seed": t.seed, "n": len(t.values),
         "score": float(t.values.mean())}
        for t in found
    ]  # fmt: skip
    rows_of = [
        {**vars(row), "difference": row.difference, "counts": row.counts}
        for rows in compared
        for row in rows
    ]
    write_json(files[1], {"scores": scores, "differences": rows_of, "failures": failures})
    return files
