"""A field for numbers that may have decimals."""

from __future__ import annotations

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox


class NumberBox(QDoubleSpinBox):
    """Accepts "." and "," as the decimal separator in every locale.

    Qt ignores "." where it is the thousands separator: in German, 0.25 became 25.
    """

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        return super().validate(self._in_locale(text), pos)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(self._in_locale(text))

    def _in_locale(self, text: str) -> str:
        if text == self.specialValueText():
            return text
        sign = self.locale().decimalPoint()
        return text.replace(".", sign).replace(",", sign)
