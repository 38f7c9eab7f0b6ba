"""Every text that a user sees goes through ``tr`` as a literal, so that it can be translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import viewer

FOLDER = Path(viewer.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))
# Calls that show their arguments to the user, by name, and which of them they show.
SHOWN: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            "setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setStatusTip",
            "setPlaceholderText", "setSpecialValueText", "setSuffix", "setTitle", "addItem",
            "addButton", "label", "term", "section", "title_row", "QCheckBox", "QPushButton",
            "QLabel", "QToolBar", "ElidedLabel", "show_wait", "show_hint", "__init__",
        ),
        (0,),
    ),
    **dict.fromkeys(("error", "warn", "info", "link", "addAction", "addMenu", "QAction"), (0, 1)),
    **dict.fromkeys(("icon_button", "Segmented", "Message", "dock", "Panel"), (1,)),
    "Action": (1, 5),
    "getText": (1, 2),
    "QMessageBox": (1, 2),
}  # fmt: skip
SHOWN_KEYWORDS = {"text", "tip", "title", "help", "description", "hint"}
TRANSLATES = {"tr": 1, "tr_n": 2}  # and how many texts each takes
# Not the user's: exceptions that only a programmer meets, and what the demo's TIFF says of itself.
INTERNAL = {"ValueError", "TypeError", "KeyError", "RuntimeError"}
NOT_SHOWN = {"Generated tissue: for trying the program. It shows no patient and no real tissue."}
NO_WORDS = re.compile(r"\b(px|mm|nm|dB|Qt|Python|SSMamba Viewer)\b|µm|\{.*?\}|\t\w+|#\w+")
UNTRANSLATED = {"doctor.py"}  # a report for those who help, in English like the engine's part


def literals(node: ast.expr) -> Iterator[tuple[int, str]]:
    """(line, text) of the string literals of which an expression is made, calls left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from literals(part)
    elif isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))
    elif isinstance(node, ast.BinOp):
        yield from (*literals(node.left), *literals(node.right))
    elif isinstance(node, ast.BoolOp):
        yield from (found for value in node.values for found in literals(value))
    elif isinstance(node, ast.Call) and name_of(node) == "format":
        yield from literals(node.func.value)


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def documented(tree: ast.Module) -> set[int]:
    """Ids of the docstrings."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, kinds) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def untranslated(source: str) -> set[tuple[int, str]]:
    """(line, text) of what is shown without ``tr``, and of whole sentences anywhere."""
    tree = ast.parse(source)
    skipped = documented(tree)
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node)
        if name in TRANSLATES or name in INTERNAL:
            skipped |= {id(part) for part in ast.walk(node)}
        shown = [node.args[at] for at in SHOWN.get(name, ()) if at < len(node.args)]
        shown += [word.value for word in node.keywords if word.arg in SHOWN_KEYWORDS]
        texts = [text for value in shown for text in literals(value)]
        found |= {text for text in texts if re.search(r"[A-Za-z]{2}", NO_WORDS.sub("", text[1]))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_sentence = len(re.findall(r"[A-Za-z]{2,}(?=[ ,.;:])", node.value)) > 2
            if is_sentence and id(node) not in skipped and node.value not in NOT_SHOWN:
                found.add((node.lineno, node.value))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_text_on_the_screen_can_be_translated(path: Path) -> None:
    if path.name not in UNTRANSLATED:
        assert untranslated(path.read_text(encoding="utf-8")) == set()


def test_each_text_to_translate_is_a_literal() -> None:
    """Babel collects literals only; a filled-in text is in no catalogue."""
    wrong = [
        f"{path.relative_to(FOLDER)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and name_of(node) in TRANSLATES
        for text in node.args[: TRANSLATES[name_of(node)]]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        'button.setText("Open")',
        'label(f"Opening {name}")',
        'button.setToolTip("Hide" if shown else "Show")',
        'messages.warn("Could not open {name}.".format(name=name))',
        'menu.addAction(icon, "Rename" + tail, slot)',
        'Action("open", "Open slide…", run)',
        'parser.add_argument("--demo", help="open a demo")',
        'EMPTY = "No regions yet, draw one."',
    ],
)
def test_a_text_without_tr_is_found(line: str) -> None:
    assert untranslated(line)


@pytest.mark.parametrize(
    "line",
    [
        'button.setText(tr("Open"))',
        'messages.warn(tr("Could not open {name}.").format(name=name))',
        'label(role="small", wrap=True)',
        'label(tr_n("One slide is open.", "{count} slides are open.", 2))',
        'bar.setText(f"{x:.0f}, {y:.0f} px")',
        'raise ValueError("an area of that size is too large")',
        '"""A docstring of a module, which nobody sees."""',
    ],
)
def test_what_is_translated_or_not_shown_is_left_alone(line: str) -> None:
    assert untranslated(line) == set()
