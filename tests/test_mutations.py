"""Faults that a close reading once found, put back one at a time: the default suite must notice.

Each is written into a copy of the sources, and the tests that are there to catch it must fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ssmamba", "training", "tests")
MODELS = "tests/ssmamba/models"
PAPER = "tests/ssmamba/layers/test_paper.py"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Mutation:
    """A fault: the text that it replaces, which stands once in the file, and who must notice."""

    name: str
    file: str
    text: str
    fault: str
    tests: tuple[str, ...]  # each must fail by itself


MUTATIONS = (
    Mutation(
        "stage 4 drops the class token of its first blocks",
        "ssmamba/models/ssmamba.py",
        "x, cls = self._blocks(x, cls, 0, last)",
        "x, _ = self._blocks(x, cls, 0, last)",
        (f"{MODELS}/test_ssmamba.py::test_every_block_updates_the_class_token",),
    ),
    Mutation(
        "the border of LPR reads ReLU(BN(0)) of padded tokens",
        "ssmamba/layers/local.py",
        "    def forward(self, x: Tensor) -> Tensor:\n        parts: Any = self.body\n",
        "    def forward(self, x: Tensor) -> Tensor:\n"
        "        height, width = x.shape[1:3]\n"
        "        return self.padded(F.pad(x, (0, 0, 0, 1, 0, 1)))[:, :height, :width]\n\n"
        "    def padded(self, x: Tensor) -> Tensor:\n        parts: Any = self.body\n",
        (f"{MODELS}/test_ssmamba.py::test_a_picture_ends_at_its_border", PAPER),
    ),
    Mutation(
        "padded tokens count in the style",
        "ssmamba/models/ssmamba.py",
        "wide = [m.float() for m in maps[:2]]",
        "wide = [\n"
        "            nn.functional.pad(m, (0, 0, 0, -m.shape[2] % 8, 0, -m.shape[1] % 8)).float()\n"
        "            for m in maps[:2]\n"
        "        ]",
        (
            f"{MODELS}/test_ssmamba.py::test_a_picture_ends_at_its_border",
            f"{MODELS}/test_golden.py",
        ),
    ),
    Mutation(
        "a CAM of class -1 explains the last class",
        "ssmamba/explain/cam.py",
        "if not 0 <= class_index < classes:",
        "if class_index >= classes:",
        ("tests/ssmamba/explain/test_cam.py::test_a_class_that_is_not_there_is_an_error",),
    ),
    Mutation(
        "DMS scans without SiLU (Eq. 5)",
        "ssmamba/layers/mixers.py",
        "x1 = self.act(self.pointwise(_parallel_convs(x1, self.depthwise)))",
        "x1 = self.pointwise(_parallel_convs(x1, self.depthwise))",
        (PAPER, f"{MODELS}/test_golden.py"),
    ),
    Mutation(
        "LPR without its residual (Eq. 8)",
        "ssmamba/layers/local.py",
        "return x + linear(y, expand.weight.flatten(1), expand.bias)",
        "return linear(y, expand.weight.flatten(1), expand.bias)",
        (PAPER, f"{MODELS}/test_golden.py"),
    ),
    Mutation(
        "fine-tuning normalises by the new images' own statistics",
        "training/methods/finetuning.py",
        '"mean": parent.input.mean, "std": parent.input.std',
        "",
        ("tests/training/test_finetune.py::test_pixels_are_normalised_as_in_pre_training",),
    ),
    Mutation(
        "a CAM explains the class predicted for other windows of the slide",
        "ssmamba/engine/jobs/region.py",
        "return sha256, self.slide.quick_hash, windows, ",
        "return sha256, self.slide.quick_hash, ",
        (
            "tests/ssmamba/engine/test_jobs.py::test_a_map_without_a_target_explains_its_own_windows",
        ),
    ),
)
TESTS = sorted({test for mutation in MUTATIONS for test in mutation.tests})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and tests in a folder of their own; its tests pass."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    (folder / "resources").symlink_to(ROOT / "resources")
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    found = run_tests(folder, *TESTS)
    assert found.returncode == 0, found.stdout
    return folder


def run_tests(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "SSMAMBA_SCAN": "torch"}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_default_suite_notices(copy: Path, mutation: Mutation) -> None:
    file = copy / mutation.file
    source = file.read_text(encoding="utf-8")
    assert source.count(mutation.text) == 1, "the source has changed: write this mutation anew"
    file.write_text(source.replace(mutation.text, mutation.fault), encoding="utf-8")
    try:
        for test in mutation.tests:
            found = run_tests(copy, test)
            assert found.returncode == 1, f"{test} did not notice:\n{found.stdout[-2000:]}"
            assert " failed" in found.stdout or "FAILED" in found.stdout
    finally:
        file.write_text(source, encoding="utf-8")
