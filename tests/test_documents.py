"""What the documents say can be done can be done: links, paths, flags, and the first Python."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints.card import Card

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "findings").glob("*.md"),
     *(ROOT / "resources").rglob("*.md")]
)  # fmt: skip
FINDINGS = sorted((ROOT / "findings").glob("*.sh"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:ssmamba|training|viewer|resources|tests|findings|docs)/[\w./-]+)`")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
MADE_BY_SPHINX = ("docs/_build", "docs/api")


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [target.partition("#")[0] for target in LINK.findall(text) if "://" not in target]
    lost = [link for link in links if link and not (page.parent / link).exists()]
    lost += [
        path
        for path in PATH.findall(text)
        if "NAME" not in path and not path.startswith(MADE_BY_SPHINX) and not (ROOT / path).exists()
    ]
    assert not lost


def commands() -> Iterator[tuple[str, str]]:
    """(module, flag) of every command in the pages."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if "main.py" in words:
                    module, rest = "viewer.app", words[words.index("main.py") + 1 :]
                elif (at := _module_at(words)) is not None:
                    module, rest = words[at], words[at + 1 :]
                else:
                    continue
                for word in rest:
                    for flag in re.findall(r"--[a-z][\w-]*", word):
                        yield module, flag


def _module_at(words: list[str]) -> int | None:
    ours = (i for i, w in enumerate(words) if re.fullmatch(r"(ssmamba|training)\.\w+", w))
    return next((i for i in ours if words[i - 1] == "-m"), None)


def help_of(module: str, capsys: pytest.CaptureFixture[str]) -> str:
    try:
        main = importlib.import_module(f"{module}.__main__").main
    except ModuleNotFoundError:
        main = importlib.import_module(module).main
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("module", sorted({module for module, _ in commands()}))
def test_flags_in_the_documents_exist(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = set(re.findall(r"--[a-z][\w-]*", help_of(module, capsys)))
    assert {flag for name, flag in commands() if name == module} <= known


def test_readme_is_short_and_its_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = ROOT / "README.md"
    assert readme.stat().st_size <= 6000
    patch = tmp_path / "patch.png"
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(patch)
    [code] = blocks(readme, "python")
    assert "patch.png" in code
    monkeypatch.chdir(ROOT)
    exec(code.replace("patch.png", patch.as_posix()), {})
    printed = ast.literal_eval(capsys.readouterr().out)
    assert len(printed) == 5 and "Colon adenocarcinoma" in printed
    assert sum(printed.values()) == pytest.approx(1, abs=1e-5)


def test_a_card_is_read_as_documented(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    exec(blocks(ROOT / "docs" / "checkpoints.md", "python")[0], {})
    assert "Colon adenocarcinoma" in capsys.readouterr().out


@pytest.fixture
def docs_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))


def test_reference_has_every_module_but_the_internal_ones(docs_folder: None) -> None:
    api_pages = importlib.import_module("api_pages")
    listed = {module for _, modules in api_pages.packages("ssmamba") for module in modules}
    files = (ROOT / "ssmamba").rglob("*.py")
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts) for f in files}
    public = {name for name in names if not name.rpartition(".")[2].startswith("_")}
    assert listed == {name for name in public if not name.startswith(api_pages.INTERNAL)}


def test_reference_documents_fields_by_the_comments_beside_and_above_them(
    docs_folder: None,
) -> None:
    comments = importlib.import_module("docstrings").field_comments(Card)
    assert comments["name"] == "readable name shown in lists"  # beside
    assert comments["kind"].startswith("classifier | baseline")  # above
    assert "config" in comments and "calibration" not in comments  # it has none


def test_reference_shows_plain_text_as_it_stands(docs_folder: None) -> None:
    escaped = importlib.import_module("docstrings").escaped
    assert escaped("``a*b_`` and c*d, |x|, e_") == "``a*b_`` and c\\*d, \\|x\\|, e\\_"


@pytest.mark.parametrize("script", FINDINGS, ids=lambda p: p.stem)
def test_findings_stand_alone(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text and "mktemp -d" in text
    assert not re.search(r"(import|from) (ssmamba|training|viewer)", text)
    code = re.sub(r"^#.*\n", "", text.replace("\\\n", " "), flags=re.M)
    words = " ".join(re.findall(r"\binstall ([^;\n]*)", code)).split()
    packages = [word for word in words if word[0].isalnum()]
    assert packages and all("==" in package for package in packages)
    if sys.platform != "win32":
        assert os.access(script, os.X_OK)
        subprocess.run(["bash", "-n", str(script)], check=True)
