"""Flags, YAML files and exit statuses of the commands."""

from __future__ import annotations

import errno
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from ssmamba.errors import DataError
from training import finetune, pretrain
from training.ablate.config import AblateConfig
from training.audit.config import AuditConfig
from training.cli.command import as_yaml, parse, run_command
from training.cli.limits import LIMITS
from training.config import (
    CardConfig,
    EvaluateConfig,
    FinetuneConfig,
    PretrainConfig,
    ScanEvaluateConfig,
)
from training.curve.config import CurveConfig
from training.loop.interrupt import Interrupted
from training.prepare.config import PrepareConfig
from training.probe.config import ProbeConfig
from training.robustness.config import RobustnessConfig
from training.slides.config import (
    CohortConfig,
    SlideEvaluateConfig,
    SlideFinetuneConfig,
    SlidePretrainConfig,
    SlideProbeConfig,
)
from training.suite.config import SuiteConfig

NEEDED = ["--data", "d", "--out", "o"]


def test_the_papers_recipe_is_the_default() -> None:
    pretrain = parse(PretrainConfig, NEEDED, "pretrain", recipe="paper")
    assert (pretrain.lr, pretrain.batch_size, pretrain.epochs) == (5e-5, 64, 100)
    assert (pretrain.warmup_epochs, pretrain.weight_decay, pretrain.mask_ratio) == (10, 0.05, 0.75)
    finetune = parse(FinetuneConfig, NEEDED, "finetune", recipe="paper")
    assert (finetune.lr, finetune.batch_size, finetune.warmup_epochs) == (1e-3, 8, 10)
    assert finetune.mixup > 0


def test_flags_win_over_files_which_win_over_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 7\nfinetune:\n  lr: 1e-4\n  batch_size: 3\npretrain:\n  lr: 9\n")
    arguments = [*NEEDED, "--config", str(file), "--batch-size", "5"]
    config = parse(FinetuneConfig, arguments, "finetune", recipe="paper")
    assert (config.epochs, config.lr, config.batch_size, config.warmup_epochs) == (7, 1e-4, 5, 10)


def test_dashes_underscores_and_bare_switches() -> None:
    arguments = [*NEEDED, "--split_seed", "3", "--resume", "--drop-path", "0.1", "--mixer=mamba"]
    config = parse(FinetuneConfig, arguments, "finetune")
    assert (config.split_seed, config.resume, config.drop_path) == (3, True, 0.1)
    assert config.mixer == "mamba" and config.data == Path("d")
    assert parse(FinetuneConfig, [*NEEDED, "--resume", "false"], "finetune").resume is False
    switches = ["--deep-stem", "--scan-norm", "false", "--overlap", "null", "--column-scans"]
    config = parse(FinetuneConfig, [*NEEDED, *switches], "finetune")  # bool or as the recipe says
    assert (config.deep_stem, config.column_scans) == (True, True)
    assert (config.scan_norm, config.overlap) == (False, None)


def test_tags_kernels_and_rates() -> None:
    arguments = [*NEEDED, "--tags", '{"a": "b"}', "--kernels", "[3, 5]", "--lrs", "1e-3,3e-4"]
    config = parse(FinetuneConfig, arguments, "finetune")
    assert config.tags == {"a": "b"} and tuple(config.kernels or ()) == (3, 5)
    assert config.rates() == (1e-3, 3e-4)


def test_a_written_config_reads_back(tmp_path: Path) -> None:
    arguments = [*NEEDED, "--lr", "0.002", "--tags", '{"a": "b"}', "--mixer", "ss2d"]
    config = parse(FinetuneConfig, arguments, "finetune", recipe="paper")
    (tmp_path / "config.yaml").write_text(as_yaml("finetune", config))
    again = parse(FinetuneConfig, ["--config", str(tmp_path / "config.yaml")], "finetune")
    assert again == config
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["finetune"]["lr"] == 0.002


@pytest.mark.parametrize("name", ["paper", "small"])
def test_bundled_recipes_suit_both_commands(name: str) -> None:
    for config_class, section in ((PretrainConfig, "pretrain"), (FinetuneConfig, "finetune")):
        assert parse(config_class, NEEDED, section, recipe=name).epochs > 0


def test_a_wrong_name_in_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("epocs: 3")
    with pytest.raises(DataError, match="did you mean 'epochs'"):
        parse(FinetuneConfig, [*NEEDED, "--config", str(tmp_path / "c.yaml")], "finetune")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*c\.yaml; check --config\."):
        parse(FinetuneConfig, [*NEEDED, "--config", str(tmp_path / "c.yaml")], "finetune")


def run(work, *arguments: str) -> int:  # type: ignore[no-untyped-def]
    return run_command(
        EvaluateConfig, work, section="evaluate", positional="checkpoint",
        argv=["x.safetensors", "--data", "d", *arguments],
    )  # fmt: skip


def test_errors_are_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(config: EvaluateConfig) -> None:
        raise DataError(f"{config.checkpoint} is bad; take another.")

    assert run(fail) == 2
    assert capsys.readouterr().err == "error: x.safetensors is bad; take another.\n"


@pytest.mark.parametrize(
    "name",
    [
        "evaluate",
        "calibrate",
        "probe",
        "robustness",
        "audit",
        "prepare",
        "ablate",
        "convert",
        "card",
    ],
)
def test_what_torchrun_cannot_share_out_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And training is not: it gets as far as its flags."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = find_spec(f"training.{name}")
    assert found is not None
    package = found.submodule_search_locations is not None
    command = import_module(f"training.{name}.__main__" if package else f"training.{name}")
    assert command.main(["--nonsense"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"Start it without torchrun: python -m training.{name}" in said
    for main in (pretrain.main, finetune.main):
        assert main(["--nonsense"]) == 2
        assert "Unknown flag --nonsense" in capsys.readouterr().err


def test_one_process_of_torchrun_is_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert run(lambda config: None, "--out", "o") == 0


def test_a_stop_is_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    def stop(config: EvaluateConfig) -> None:
        raise Interrupted

    assert run(stop) == 130
    assert capsys.readouterr().out == "Stopped.\n"  # this command cannot go on
    assert run_command(FinetuneConfig, stop, section="finetune", argv=NEEDED) == 130
    assert "Stopped. Run the same command with --resume to continue." in capsys.readouterr().out


def test_what_the_system_refuses_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def write(config: EvaluateConfig) -> None:
        (tmp_path / "file").write_text("x")
        (tmp_path / "file" / "below").write_text("x")

    assert run(write) == 2
    said = capsys.readouterr().err
    assert said == f"error: {tmp_path / 'file' / 'below'}: Not a directory; check the path.\n"

    def full(config: EvaluateConfig) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert run(full) == 2
    assert "No space left on device; free some space on the disk" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--split", "tset"], "--split tset: choose one of train, val, test, all"),
        (["--split-sed", "1"], "Unknown flag --split-sed"),
        (["--split_sed", "1"], "did you mean '--split-seed'?"),
        (["--nonsense"], "Unknown flag --nonsense; "),
        (["stray"], "Unknown argument stray"),
        (["--split-seed", "x"], "--split-seed x: give a whole number"),
        (["--stain_jitter=much"], "--stain-jitter much: give a number"),
        (["--allow-overlap=maybe"], "--allow-overlap maybe: give true or false"),
        (["--out"], "--out: expected one argument"),
    ],
)
def test_wrong_flags_are_one_line_and_status_two(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda config: None, *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert told in said and "python -m training.evaluate --help" in said


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--epochs", "0", "--epochs 0 must be 1 or more."),
        ("--batch-size", "0", "--batch-size 0 must be 1 or more."),
        ("--image-size", "-224", "--image-size -224 must be 1 or more."),
        ("--lr", "0", "--lr 0 must be above 0."),
        ("--crop-min", "3", "--crop-min 3 must be above 0 and at most 1."),
        ("--ema-decay", "1", "--ema-decay 1 must be 0 or more and below 1."),
        ("--seed", "-1", "--seed -1 must be 0 or more."),
    ],
)
def test_impossible_numbers_are_refused(flag: str, value: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(FinetuneConfig, [*NEEDED, f"{flag}={value}"], "finetune", recipe="paper")
    assert str(caught.value) == told


def test_a_switch_is_no_number_of_the_same_name() -> None:
    """--overlap is a switch of finetune and a share of prepare."""
    assert parse(FinetuneConfig, [*NEEDED, "--overlap"], "finetune", recipe="paper").overlap
    with pytest.raises(DataError, match=r"--overlap 1 must be 0 or more and below 1"):
        parse(PrepareConfig, ["slides", "--out", "x", "--overlap", "1"], "prepare", "dataset")


def test_limits_are_those_of_flags() -> None:
    """A field that is renamed must not lose its limit."""
    configs = (PretrainConfig, FinetuneConfig, EvaluateConfig, AblateConfig, AuditConfig,
               CardConfig, CurveConfig, PrepareConfig, ProbeConfig, RobustnessConfig,
               ScanEvaluateConfig, SlideEvaluateConfig, SlideFinetuneConfig, SlidePretrainConfig,
               SlideProbeConfig, CohortConfig, SuiteConfig)  # fmt: skip
    assert set(LIMITS) <= {field.name for config in configs for field in fields(config)}


def test_missing_flags_are_named() -> None:
    with pytest.raises(DataError, match=r"^--data and --out must be given"):
        parse(FinetuneConfig, [], "finetune")
    with pytest.raises(DataError, match=r"^CHECKPOINT and --data must be given"):
        parse(EvaluateConfig, [], "evaluate", positional="checkpoint")
    with pytest.raises(DataError, match=r"--kernels x: give a list"):
        parse(FinetuneConfig, [*NEEDED, "--kernels", "x"], "finetune")
    with pytest.raises(DataError, match=r"--tags x: give a mapping"):
        parse(FinetuneConfig, [*NEEDED, "--tags", "x"], "finetune")
