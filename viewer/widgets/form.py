"""Form rows of a term and its field, aligned across panels."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSpinBox, QFormLayout, QLabel, QSlider

from viewer.look.sizes import scaled
from viewer.widgets.basic import label

TERM_PX = 52
INSET_PX = 6  # of a spin box's number, as in a combo box


def form() -> QFormLayout:
    made = QFormLayout()
    made.setHorizontalSpacing(12)
    made.setVerticalSpacing(6)
    made.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    made.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)  # in a narrow panel
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return made


def term(text: str) -> QLabel:
    """A term; equally wide in all forms, so that the fields are aligned, unless it is longer."""
    made = label(text, "muted")
    made.setMinimumWidth(scaled(TERM_PX))
    made.setMinimumHeight(28)
    return made


def slider(steps: int) -> QSlider:
    """From 0 to ``steps``; short where the panel is narrow."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(0, steps)
    made.setMinimumWidth(40)
    return made


def value_text() -> QLabel:
    """The value to the right of a slider."""
    made = label(role="small")
    made.setFixedWidth(scaled(40))
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made


def inset(box: QAbstractSpinBox) -> None:
    """The style sheet's padding does not reach the number of a spin box."""
    box.lineEdit().setTextMargins(INSET_PX, 0, INSET_PX, 0)
