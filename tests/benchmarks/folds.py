"""A classifier against the colour-histogram forest over folds of a data folder, by group.

    python -m tests.benchmarks.folds DATA --config FILE --out DIR [--folds 5]

Each fold trains with the recipe on all groups but its own, tests on those, and compares AUC and
accuracy with the forest's on the same images. Groups are dealt at random (seed 0), an eighth of the
others validates. Finished folds are not run again. The images stay where they are: each fold's
folder has links to DATA's, so that a file system with links is needed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
from pathlib import Path

from training.data.tables import read_table
from training.evaluate import main as evaluate
from training.finetune import main as finetune


def deal(data: Path, out: Path, folds: int) -> list[Path]:
    """A folder for each fold: DATA's images, and a manifest that says whose turn it is."""
    rows = read_table(data / "manifest.csv", ("path", "label", "group"))
    groups = sorted({row["group"] for row in rows})
    random.Random(0).shuffle(groups)
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    made = []
    for fold in range(folds):
        folder = out / f"data-{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        for part in {row["path"].split("/")[0] for row in rows}:
            if not (folder / part).exists():
                (folder / part).symlink_to((data / part).resolve())
        validating = set([g for g in groups if fold_of[g] != fold][::8])
        with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "group", "split"])
            for row in rows:
                group = row["group"]
                split = "val" if group in validating else "train"
                split = "test" if fold_of[group] == fold else split
                writer.writerow([row["path"], row["label"], group, split])
        made.append(folder)
    return made


def run(data: Path, out: Path, recipe: Path) -> dict:
    """Scores of one fold."""
    scores = out.with_suffix(".json")
    if not scores.exists():
        trained = ["--data", str(data), "--out", str(out), "--config", str(recipe)]
        if (out / "state.pt").exists():
            trained.append("--resume")
        tested = [str(out / "best.safetensors"), "--data", str(data), "--against", "forest"]
        if finetune(trained) or evaluate([*tested, "--out", str(scores)]):
            raise SystemExit(1)
    return json.loads(scores.read_text(encoding="utf-8"))


def report(scores: list[dict]) -> None:
    """Means over the folds; the interval adds those of the folds, whose groups are disjoint."""
    print("fold  AUC     balanced accuracy   forest's AUC   difference")
    for number, found in enumerate(scores):
        against = found["against"]["auc"]
        low, high = against["difference_ci"]
        model = f"{found['auc']:.3f}   {found['balanced_accuracy']:.3f}"
        gap = f"{against['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
        print(f"{number:>4}  {model:<26}  {against['value']:<13.3f}  {gap}")
    parts = [found["against"]["auc"] for found in scores]
    widths = [(p["difference_ci"][1] - p["difference_ci"][0]) / 2 for p in parts]
    gap = sum(p["difference"] for p in parts) / len(parts)
    half = math.sqrt(sum(width**2 for width in widths)) / len(widths)
    mean = {k: sum(s[k] for s in scores) / len(scores) for k in ("auc", "balanced_accuracy")}
    print(
        f"mean  {mean['auc']:.3f}   {mean['balanced_accuracy']:.3f}; AUC minus the forest's "
        f"{gap:+.3f} [{gap - half:+.3f}, {gap + half:+.3f}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    folders = deal(options.data, options.out, options.folds)
    report([run(f, options.out / f"fold-{n}", options.config) for n, f in enumerate(folders)])


if __name__ == "__main__":
    main()
