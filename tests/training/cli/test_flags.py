"""--help: every flag with what it means, its kind and its default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from training.ablate.config import AblateConfig
from training.audit.config import AuditConfig
from training.cli.command import run_command
from training.cli.flags import FlagParser, field_comments
from training.config import (
    CalibrateConfig,
    CardConfig,
    EvaluateConfig,
    FinetuneConfig,
    PretrainConfig,
)
from training.convert.config import ConvertConfig
from training.curve.config import CurveConfig
from training.prepare.config import PrepareConfig
from training.probe.config import ProbeConfig
from training.robustness.config import RobustnessConfig
from training.suite.config import SuiteConfig


@dataclass
class Base:
    """Fields with comments in every place."""

    beside: int  # on the line
    # above, as
    # it is long
    above: int = 0
    bare: int = 0

    apart: int = 0  # "quoted" # twice


@dataclass
class Child(Base):
    """Some of them again."""

    beside: int = 3
    bare: int = 1  # told here


def test_comments_are_found_beside_and_above() -> None:
    assert field_comments(Base) == {
        "beside": "on the line",
        "above": "above, as it is long",
        "apart": '"quoted" # twice',
    }
    assert field_comments(Child) == {**field_comments(Base), "bare": "told here"}


@pytest.mark.parametrize(
    "config_class",
    [AblateConfig, AuditConfig, CalibrateConfig, CardConfig, ConvertConfig, EvaluateConfig,
     CurveConfig, FinetuneConfig, PrepareConfig, PretrainConfig, ProbeConfig, RobustnessConfig,
     SuiteConfig],
)  # fmt: skip
def test_every_flag_says_what_it_means(config_class: type) -> None:
    names = [field.name for field in fields(config_class)]
    assert [name for name in names if name not in field_comments(config_class)] == []


def test_the_page_of_a_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("lr: 0.5")
    given = ["--config", str(tmp_path / "mine.yaml"), "--help"]
    with pytest.raises(SystemExit) as left:
        run_command(FinetuneConfig, lambda config: None, section="finetune", argv=given)
    assert left.value.code == 0
    page = " ".join(capsys.readouterr().out.split())
    for part in (
        "usage: python -m training.finetune --data PATH --out PATH [--flag VALUE ...]",
        "--data PATH folder of images",
        "--epochs N passes over the training images; default 100",
        "--lr X peak of the learning rate; default 0.5",  # as the file says
        "--mixer dms|mamba|ss2d ablation",
        "--freeze [true|false] train the head only",
        "--kernels LIST",
    ):
        assert part in page
    assert "class '" not in page and "split_seed" not in page


def test_defaults_are_written_as_flags_take_them() -> None:
    page = " ".join(FlagParser(AblateConfig, "ablate").format_help().split())
    assert "CAM method of the figures; default GradCAM" in page
    page = " ".join(FlagParser(PretrainConfig, "pretrain").format_help().split())
    assert "--skips [true|false] mamim: pass shallow features to the decoder; default true" in page
    assert "default false" not in page and "default None" not in page


def test_several_values_without_a_flag_are_shown_as_such() -> None:
    page = " ".join(FlagParser(RobustnessConfig, "robustness", "checkpoints").format_help().split())
    assert "usage: python -m training.robustness CHECKPOINTS ... --data PATH --out PATH" in page
