"""The grid as a list of runs: what is shared, in which order, what is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card
from ssmamba.config import SSMambaConfig
from ssmamba.errors import DataError
from ssmamba.models.foundation import ADAPTERS
from ssmamba.models.ssmamba import SSMamba
from training.ablate.cells import encoder_rows
from training.ablate.config import AblateConfig
from training.ablate.jobs import plan_jobs, refuse_unfit
from training.ablate.paper import DATASETS, PAPER
from training.ablate.report import Study, table_rows
from training.ablate.tables import CELLS, FIGURE_2, FIGURE_4, PRETRAININGS, TABLES
from training.config import FinetuneConfig, PretrainConfig
from training.convert.encoders import encoder_card
from training.prepare.registry import IMAGE_SETS, SLIDE_SETS, facts


def grid(tmp_path: Path, **changes: object) -> AblateConfig:
    return AblateConfig(data=tmp_path, out=tmp_path / "out", **changes)  # type: ignore[arg-type]


def test_every_row_and_column_is_a_known_cell() -> None:
    named = [row.cell for table in TABLES.values() for row in table.rows]
    assert {*named, *FIGURE_2, *FIGURE_4} <= CELLS.keys()
    assert {c.pretraining for c in CELLS.values() if c.pretraining} == set(PRETRAININGS)


def test_cells_of_several_tables_and_pretrainings_run_once_a_seed(tmp_path: Path) -> None:
    jobs = plan_jobs(grid(tmp_path, tables="5,7", seeds="0,1"), [], "Toy")
    keys = [job.key for job in jobs]
    assert len(keys) == len(set(keys))
    assert keys.count("finetune/ssmamba-s0") == keys.count("pretrain/mamim-s1") == 1
    for job in jobs:
        assert job.needs is None or keys.index(job.needs) < keys.index(job.key)
    assert all(job.seed == 0 for job in jobs[: len(jobs) // 2])  # whole seeds one by one


def test_every_cell_gets_the_same_budget_and_the_recipe_file(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("pretrain: {mask_unit: 16}\nfinetune: {mixup: 0.3}\n")
    changes = {"tables": "5", "seeds": "0", "epochs": 3, "lrs": "1e-3,5e-4", "image_size": 64}
    jobs = plan_jobs(grid(tmp_path, **changes), [recipe], "Toy")
    tuned = [job.config for job in jobs if isinstance(job.config, FinetuneConfig)]
    assert {(c.epochs, c.rates(), c.image_size, c.mixup) for c in tuned} == {
        (3, (1e-3, 5e-4), 64, 0.3)
    }
    trained = [job.config for job in jobs if job.kind == "pretrain"]
    assert len(trained) == 4 and all(c.mask_unit == 16 for c in trained)  # type: ignore[union-attr]
    by_key = {job.key: job for job in jobs}
    linear = by_key["pretrain/mamim-embedding-linear-s0"]
    assert linear.config is not None and linear.config.embedding == "linear"
    started = by_key["finetune/embedding-linear-s0"].config
    assert started is not None and started.name == "Toy, linear embedding"
    assert isinstance(started, FinetuneConfig) and started.init == linear.checkpoint


def test_pre_trainings_have_their_own_budget_and_share_the_rest(tmp_path: Path) -> None:
    own_budget = {"pretrain_epochs": 7, "pretrain_batch_size": 16, "pretrain_lr": 2e-4}
    changes = {**own_budget, "epochs": 3, "batch_size": 4, "warmup_epochs": 0.5, "split_seed": 5}
    jobs = plan_jobs(grid(tmp_path, tables="7", seeds="0", image_size=64, **changes), [], "Toy")
    for job in jobs:
        config = job.config
        assert config is not None and config.out == job.folder and not config.resume
        assert (config.warmup_epochs, config.split_seed, config.image_size) == (0.5, 5, 64)
        own = (7, 16) if job.kind == "pretrain" else (3, 4)
        assert (config.epochs, config.batch_size) == own
        if isinstance(config, PretrainConfig):
            assert config.lr == 2e-4


def test_a_flag_that_a_command_does_not_know_is_the_runs_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PRETRAININGS, "mamim", ("--embedding", "cubic"))
    jobs = plan_jobs(grid(tmp_path, tables="7", only="ssmamba,pretraining-none"), [], "Toy")
    problems = {job.key: job.problem for job in jobs if job.seed == 0}
    assert "cubic" in problems["pretrain/mamim-s0"]
    assert problems["finetune/pretraining-none-s0"] == ""
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"size": "huge"}, "pretrain of mamim: Unknown model size 'huge'"),
        ({"image_size": 100}, "pretrain of mamim: --image-size 100 must be a multiple of 32"),
        ({"size": "huge", "only": "pretraining-none"}, "finetune of pretraining-none: Unknown"),
    ],
)
def test_models_that_cannot_be_are_told_before_any_run(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        refuse_unfit(plan_jobs(grid(tmp_path, tables="7", **changes), [], "Toy"))
    refuse_unfit(plan_jobs(grid(tmp_path, tables="7", only="ssmamba"), [], "Toy"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tables": "5,12"}, "must name tables of the paper: 4, 5, 6, 7"),
        ({"seeds": "0,x"}, "whole numbers"),
        ({"seeds": "1,1"}, "distinct numbers"),
        ({"only": "ssmanba"}, "did you mean 'ssmamba'"),
    ],
)
def test_bad_lists_are_named(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        plan_jobs(grid(tmp_path, **changes), [], "Toy")


def test_own_encoders_are_rows_of_table_4_with_the_others_budget(tmp_path: Path) -> None:
    file = tmp_path / "ours.safetensors"
    config = SSMambaConfig.of_size("nano")
    card = Card(kind="encoder", arch="ssmamba", config=asdict(config), name="Ours")
    checkpoint.save(file, SSMamba(config), card)
    own = grid(tmp_path, tables="4", seeds="0", epochs=3, encoders=str(file))
    (job,) = [job for job in plan_jobs(own, [], "Toy") if job.cell == "ours"]
    assert isinstance(job.config, FinetuneConfig) and not job.problem
    assert (job.config.init, job.config.epochs, job.config.name) == (file, 3, "Toy, Ours")
    study = Study("Toy", {}, "", ("4",), {}, {}, "", more_rows={"4": encoder_rows(own)})
    last = table_rows(replace(study, dataset="PBC"), "4")[-1]
    assert last["method"] == "Ours" and last["paper_accuracy"] is None
    assert not [j for j in plan_jobs(replace(own, tables="5"), [], "Toy") if j.cell == "ours"]
    for wrong, expected in ((tmp_path / "no.safetensors", "not exist"), (file, "name .* is taken")):
        with pytest.raises(DataError, match=expected):
            plan_jobs(replace(own, encoders=f"{file},{wrong}"), [], "Toy")


def test_an_encoder_of_one_window_keeps_it_and_has_the_papers_figures(tmp_path: Path) -> None:
    """MUSK reads 384 px and CONCH 448, so no window of a grid suits all of Table 4."""
    files = [tmp_path / f"{name}.safetensors" for name in ("musk", "conch")]
    for file in files:
        checkpoint.save_tensors(file, {}, encoder_card(ADAPTERS[file.stem]))
    own = grid(tmp_path, tables="4", seeds="0", image_size=128, encoders=",".join(map(str, files)))
    windows = {job.cell: job.config.image_size for job in plan_jobs(own, [], "Toy") if job.config}
    assert (windows["musk"], windows["conch"], windows["vit"]) == (384, 448, 128)
    study = Study("pRCC", {}, "", ("4",), {}, {}, "", more_rows={"4": encoder_rows(own)})
    shares = {row["cell"]: row["paper_accuracy"] for row in table_rows(study, "4")}
    assert (shares["musk"], shares["conch"], shares["ssmamba"]) == (0.9258, 0.9293, 0.9858)


def test_the_papers_figures_are_under_the_names_of_the_data_sets() -> None:
    names = {facts(name).get("name") for name in (*IMAGE_SETS, *SLIDE_SETS)}
    assert set(DATASETS) <= names
    assert {"MHIST"} <= names  # of the second version, and SSMamba's figure alone
    assert all(row.keys() - {"MHIST"} == set(DATASETS) for row in PAPER.values())
    study = Study("MHIST", {}, "", ("4",), {}, {}, "")
    told = {row["cell"]: (row["paper_accuracy"], row["paper_f1"]) for row in table_rows(study, "4")}
    assert told["ssmamba"] == (0.8773, None) and told["vit"] == (None, None)
    assert PAPER["patch-merge"]["SIPaKMeD"] == (98.57, 96.86)
    assert PAPER["scratch"]["PAIP2019"] == (94.71, 94.77)
