"""Cohort tables: what is read, what is left out with its reason, what is refused."""

import numpy as np
import pytest

from ssmamba.errors import DataError
from training.slides.cohort import read_cohort
from training.slides.folds import make_folds
from training.slides.questions import by_patient, make_question, strata_of


def table(folder, text: str):
    for name in ("a.tif", "b.tif", "c.tif", "d.tif", "e.tif", "f.tif"):
        (folder / name).touch()
    path = folder / "cohort.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_read(tmp_path):
    found = read_cohort(
        table(tmp_path, "slide,patient,time,event,mpp\na.tif,p1,0,1,0.5\nb.tif,,12.5,alive,\n"),
        "survival",
    )
    first, second = found.slides
    assert (first.patient, first.time, first.event, first.mpp) == ("p1", 0.0, True, 0.5)
    assert (second.patient, second.time, second.event, second.mpp) == ("b.tif", 12.5, False, None)


def test_slides_without_an_answer_are_named_and_the_rest_goes_on(tmp_path):
    text = "slide,time,event\na.tif,5,1\nb.tif,NA,1\nc.tif,7,\nmissing.tif,1,1\n"
    found = read_cohort(table(tmp_path, text), "survival")
    assert [slide.path.name for slide in found.slides] == ["a.tif"]
    reasons = dict(found.left_out)
    assert reasons["b.tif"] == reasons["c.tif"] == "no time or no event"
    assert "no file" in reasons["missing.tif"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slide,time,event\na.tif,-1,1\n", "before the start"),
        ("slide,time,event\na.tif,5,maybe\n", "neither 1"),
        ('slide,time,event\na.tif,"1,5",1\n', "no number"),
        ("slide,label\na.tif,x\na.tif,y\n", "listed twice"),
        ("slide,patient,label\na.tif,p,x\nb.tif,p,y\n", "more than one label"),
        ("slide,patient,label,split\na.tif,p,x,train\nb.tif,p,x,test\n", "more than one split"),
        ("slide,label,mpp\na.tif,x,0\n", "not above 0"),
        ("slide,label\na.tif,Tumour\nb.tif,tumour\n", "written in 2 ways"),
        ("slide,label\nq.tif,x\n", "no slide that can be used"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(tmp_path, text, said):
    question = "survival" if "time" in text else "classes"
    with pytest.raises(DataError, match=said):
        read_cohort(table(tmp_path, text), question)


def cohort_of(tmp_path, patients: int, slides_each: int = 1):
    rows = ["slide,patient,label"]
    for number in range(patients * slides_each):
        name = f"x{number}.tif"
        (tmp_path / name).touch()
        patient = number // slides_each
        rows.append(f"{name},p{patient},{'ab'[patient % 2]}")
    return read_cohort(table(tmp_path, "\n".join(rows) + "\n"), "classes")


def test_folds_keep_patients_whole_and_test_each_slide_once(tmp_path):
    cohort = cohort_of(tmp_path, 20, 2)
    folds = make_folds(cohort, strata_of(cohort, "classes"), 5, 0)
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested) == list(range(40))
    patients = np.array([slide.patient for slide in cohort.slides])
    for fold in folds:
        parts = [set(patients[rows]) for rows in (fold.train, fold.val, fold.test)]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert len(fold.train) + len(fold.val) + len(fold.test) == 40
        for rows in (fold.train, fold.test):
            assert np.mean([cohort.slides[row].label == "a" for row in rows]) == 0.5


def test_too_few_patients_are_said(tmp_path):
    cohort = cohort_of(tmp_path, 4)
    with pytest.raises(DataError, match="4 patients cannot be parted into 5"):
        make_folds(cohort, strata_of(cohort, "classes"), 5, 0)


def test_a_split_of_the_table_is_the_one_fold(tmp_path):
    text = "slide,label,split\na.tif,x,train\nb.tif,y,train\nc.tif,x,val\nd.tif,y,test\n"
    cohort = read_cohort(table(tmp_path, text), "classes")
    (fold,) = make_folds(cohort, strata_of(cohort, "classes"), 5, 0)
    assert [rows.tolist() for rows in (fold.train, fold.val, fold.test)] == [[0, 1], [2], [3]]
    half = read_cohort(table(tmp_path, text.replace(",test", ",")), "classes")
    with pytest.raises(DataError, match="column split is not complete"):
        make_folds(half, strata_of(half, "classes"), 5, 0)


def test_a_class_without_a_training_slide_is_said(tmp_path):
    text = "slide,label,split\na.tif,x,train\nb.tif,x,train\nc.tif,x,val\nd.tif,y,test\n"
    cohort = read_cohort(table(tmp_path, text), "classes")
    (fold,) = make_folds(cohort, strata_of(cohort, "classes"), 5, 0)
    with pytest.raises(DataError, match="No training slide is of class y"):
        make_question(cohort, "classes", fold, 4)


def test_grades_are_in_the_order_of_their_numbers(tmp_path):
    text = "slide,label\na.tif,10\nb.tif,9\nc.tif,2\n"
    cohort = read_cohort(table(tmp_path, text), "grades")
    assert strata_of(cohort, "grades").tolist() == [2, 1, 0]


def test_a_patients_slides_answer_together(tmp_path):
    cohort = cohort_of(tmp_path, 2, 2)
    rows, logits = by_patient(cohort, np.array([0, 2, 1]), np.array([[1.0, 0], [5, 5], [3, 2]]))
    assert rows.tolist() == [0, 2]
    assert logits.tolist() == [[2, 1], [5, 5]]
