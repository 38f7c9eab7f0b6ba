"""Writes one page of API reference for each package, from the files that are there."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Kernels and glue that have no callers outside their package.
INTERNAL = ("ssmamba.kernels", "ssmamba.ops.cpu", "ssmamba.ops.cuda")

INDEX = """# API reference

Made from the docstrings. Shapes are written (B, C, H, W); places on a slide are (x, y) in level-0
pixels, origin at the top left, y down; images are HWC uint8 RGB. Everything raised on purpose is a
subclass of `SSMambaError` (`ssmamba.errors`).

```{{toctree}}
:maxdepth: 1

{entries}
```
"""


def packages(root: str) -> Iterator[tuple[str, list[str]]]:
    """(package, its modules), depth first; nothing is imported."""
    below = [root]
    while below:
        package = below.pop(0)
        found = list(pkgutil.iter_modules([str(ROOT.joinpath(*package.split(".")))]))
        modules = [m.name for m in found if not m.ispkg and not m.name.startswith("_")]
        yield package, [f"{package}.{name}" for name in modules]
        below[:0] = [
            name for m in found if m.ispkg and (name := f"{package}.{m.name}") not in INTERNAL
        ]


def page(package: str, modules: list[str]) -> str:
    lines = [f"# {package}", "", "```{eval-rst}", f".. automodule:: {package}", "```", ""]
    for module in modules:
        lines += [f"## {module}", "", "```{eval-rst}", f".. automodule:: {module}", "```", ""]
    return "\n".join(lines)


def write(folder: Path, roots: tuple[str, ...]) -> None:
    """Bring the pages in ``folder`` up to date; they are not under version control."""
    folder.mkdir(exist_ok=True)
    pages = {name: page(name, modules) for root in roots for name, modules in packages(root)}
    pages["index"] = INDEX.format(entries="\n".join(pages))
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        file = folder / f"{name}.md"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")  # else Sphinx would read it again
