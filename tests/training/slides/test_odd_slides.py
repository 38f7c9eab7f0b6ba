"""Cohorts as they come: few regions, too many, censored folds, times of zero, answers missing."""

import json

import numpy as np
import pytest

from tests.slides import tissue_like, write_pyramid
from tests.training.slides.cohorts import write_cohort
from training import slide_evaluate, slide_finetune

QUICK = ["--model", "pixel-mamba-mini", "--window", "8", "--epochs", "1", "--warmup-epochs", "1",
         "--batch-size", "2", "--resamples", "20", "--accelerator", "cpu"]  # fmt: skip


def run(table, out, *more) -> int:
    return slide_finetune.main(["--cohort", str(table), "--out", str(out), *QUICK, *more])


def results_of(out):
    return json.loads((out / "results.json").read_text())


def write_regions(path, columns, seed):
    picture = tissue_like(8 * columns, 8, seed)
    write_pyramid(path, levels=1, tile=16, mpp=4.0, picture=picture)


def test_slides_of_one_region_and_of_odd_numbers_train_and_answer(tmp_path, capsys):
    table = write_cohort(tmp_path, 12)
    for number in range(12):
        write_regions(tmp_path / f"s{number}.tif", (1, 3, 5, 7)[number % 4], number)
    out = tmp_path / "run"
    assert run(table, out, "--folds", "3", "--only-fold", "0") == 0
    assert "with 1 to 7 regions each" in capsys.readouterr().out
    best = out / "fold-0" / "best.safetensors"
    flags = ["--checkpoint", str(best), "--cohort", str(table), "--out", str(tmp_path / "e")]
    assert slide_evaluate.main([*flags, "--allow-overlap", "--resamples", "5"]) == 0
    assert results_of(tmp_path / "e")["slides"] == 12


def test_regions_that_are_not_read_are_counted_aloud(tmp_path, capsys):
    table = write_cohort(tmp_path, 9)
    out = tmp_path / "run"
    assert run(table, out, "--folds", "3", "--only-fold", "0", "--most-regions", "5") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "left 9 regions of 9 slides unread, evenly over each slide" in said


def survival_table(folder, rows):
    """rows: (time, event, split) of each slide."""
    write_cohort(folder, len(rows))
    lines = ["slide,patient,time,event,split"]
    lines += [
        f"s{n}.tif,p{n},{time},{event},{split}" for n, (time, event, split) in enumerate(rows)
    ]
    table = folder / "survival.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


KNOWN = [(5 + n, 1, "train") for n in range(6)] + [(9, 1, "val"), (20, 0, "val")]


def test_a_fold_whose_test_patients_are_all_censored_has_no_c_index_and_says_so(tmp_path, capsys):
    table = survival_table(tmp_path, [*KNOWN, (30, 0, "test"), (40, 0, "test")])
    out = tmp_path / "run"
    assert run(table, out, "--question", "survival", "--bins", "2") == 0
    found = results_of(out)["folds"]["0"]
    assert found["c_index"] is None and np.isfinite(found["nll"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Fold 0 has no c_index: its 2 test patients are all censored" in said


def test_a_fold_whose_validation_patients_are_all_censored_still_chooses(tmp_path):
    rows = [(time, 0 if split == "val" else event, split) for time, event, split in KNOWN]
    table = survival_table(tmp_path, [*rows, (3, 1, "test"), (40, 0, "test")])
    assert run(table, tmp_path / "run", "--question", "survival", "--bins", "2") == 0
    assert results_of(tmp_path / "run")["folds"]["0"]["c_index"] is not None


def test_a_cohort_in_which_nobody_died_is_refused(tmp_path, capsys):
    rows = [(time, 0, split) for time, _, split in KNOWN]
    table = survival_table(tmp_path, [*rows, (3, 0, "test")])
    assert run(table, tmp_path / "run", "--question", "survival") == 2
    assert "too few for 4 bins; give fewer --bins" in capsys.readouterr().err


def test_times_of_zero_count(tmp_path):
    """Death at once is in the first bin; who was never seen again says nothing, and is kept."""
    rows = [(0, 1, "train"), (0, 0, "train"), *KNOWN[1:], (0, 1, "test"), (0, 0, "test"),
            (12, 1, "test")]  # fmt: skip
    table = survival_table(tmp_path, rows)
    out = tmp_path / "run"
    assert run(table, out, "--question", "survival", "--bins", "2") == 0
    found = results_of(out)
    assert found["slides"] == len(rows) and not found["left_out"]
    assert np.isfinite(found["folds"]["0"]["c_index"]) and np.isfinite(found["folds"]["0"]["nll"])


@pytest.mark.parametrize("missing", [("NA", 1), (7, ""), ("", "")])
def test_a_patient_whose_outcome_is_missing_is_named(tmp_path, missing, capsys):
    table = survival_table(tmp_path, [*KNOWN, (3, 1, "test"), (9, 0, "test"), (*missing, "test")])
    out = tmp_path / "run"
    assert run(table, out, "--question", "survival", "--bins", "2") == 0
    assert results_of(out)["left_out"] == [{"slide": "s10.tif", "why": "no time or no event"}]
    assert "Left out: s10.tif: no time or no event." in capsys.readouterr().out


def test_a_patient_in_two_parts_is_refused(tmp_path, capsys):
    table = survival_table(tmp_path, [*KNOWN, (3, 1, "test"), (9, 0, "test")])
    table.write_text(table.read_text().replace("s9.tif,p9,9,0", "s9.tif,p0,5,1"))
    assert run(table, tmp_path / "run", "--question", "survival", "--bins", "2") == 2
    assert "patient p0 has more than one split" in capsys.readouterr().err
