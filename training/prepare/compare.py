"""Counts and sizes of a prepared data set against what was published and the paper's Table 3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from training.data.file_facts import FileFacts
from training.prepare.gather import Found


def differences(
    facts: dict[str, Any], images: Sequence[Found], files: Sequence[FileFacts]
) -> list[str]:
    """One line for each figure that differs, [] when all agree or none is known.

    facts: a description with ``published`` and ``paper``. Published counts exclude a test split
    that has counts of its own, unless ``test_is_counted`` is true.
    """
    published, paper = facts.get("published", {}), facts.get("paper", {})
    apart = "test_counts" in published and not published.get("test_is_counted")
    main = Counter(i.label for i in images if not (apart and i.split == "test"))
    lines = _class_counts("", main, published.get("counts", {}))
    test = Counter(i.label for i in images if i.split == "test")
    if "test_counts" in published and test:
        lines += _class_counts("test split, ", test, published["test_counts"])
    total = published.get("images", sum(published.get("counts", {}).values()))
    here = sum(main.values())
    if total and here != total:
        lines.append(f"images: {here} here, {total} published")
    slides = len({i.group for i in images})
    if slides != published.get("slides", slides):
        lines.append(f"slides: regions of {slides} here, {published['slides']} published")
    if paper and here != paper["images"]:
        lines.append(f"images: {here} here, {paper['images']} in the paper's Table 3")
    if paper and len(main) != paper["classes"]:
        lines.append(f"classes: {len(main)} here, {paper['classes']} in the paper's Table 3")
    if paper.get("note"):
        lines.append(f"the paper contradicts itself: {paper['note']}, its Table 3 {paper['size']}")
    if paper.get("remark"):
        lines.append(f"the paper differs from what is published: {paper['remark']}")
    return lines + _sizes(published.get("sizes", []), paper.get("size"), files)


def _class_counts(where: str, found: Counter[str], known: dict[str, int]) -> list[str]:
    return [
        f"{where}{key}: {found[key]} images here, {count} published"
        for key, count in known.items()
        if found[key] != count
    ]


def _sizes(
    published: list[list[int]], paper: list[int] | None, files: Sequence[FileFacts]
) -> list[str]:
    sizes = Counter((f.width, f.height) for f in files)
    (width, height), count = sizes.most_common(1)[0]
    lines = []
    known = [tuple(size) for size in published]
    if known and set(sizes) != set(known):
        listed = ", ".join(f"{w} × {h}" for w, h in known)
        lines.append(f"size: {_told(sizes)} here, {listed} px published")
    if paper and (width, height) != tuple(paper):
        lines.append(
            f"size: mostly {width} × {height} px here ({count} images), {paper[0]} × {paper[1]} px "
            "in the paper's Table 3"
        )
    return lines


def _told(sizes: Counter[tuple[int, int]]) -> str:
    shown = [f"{w} × {h} px ({n} images)" for (w, h), n in sizes.most_common(3)]
    return ", ".join(shown) + (f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else "")
