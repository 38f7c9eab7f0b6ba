"""What a test can say of a PDF without a library: its pages and the text on them."""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_CODE = re.compile(r"<([0-9A-Fa-f]+)>")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


class Pdf:
    """A file that Qt wrote."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
        self.objects = {int(m[1]): m[2] for m in _OBJECT.finditer(data)}

    @property
    def pages(self) -> list[bytes]:
        """The page objects in order."""
        (tree,) = (body for body in self.objects.values() if b"/Type /Pages" in body)
        found = re.search(rb"/Kids\s*\[(.*?)\]", tree, re.DOTALL)
        kids = re.findall(rb"(\d+) 0 R", found[1])
        assert int(re.search(rb"/Count (\d+)", tree)[1]) == len(kids)
        return [self.objects[int(kid)] for kid in kids]

    @property
    def size_pt(self) -> tuple[float, float]:
        box = re.search(rb"/MediaBox \[([^\]]*)\]", self.pages[0])[1].split()
        return float(box[2]), float(box[3])

    def text(self, page: int) -> str:
        """The text of a page (from 0), in the order in which it was set."""
        body = self.pages[page]
        names = self._fonts(body)
        content = self._stream(int(re.search(rb"/Contents (\d+) 0 R", body)[1]))
        letters, shown = {}, []
        for token in re.finditer(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>|(\bET\b)", content):
            if token[1]:
                letters = names[token[1].decode()]
            elif token[2]:
                glyphs = (token[2][i : i + 4] for i in range(0, len(token[2]), 4))
                shown += [letters.get(int(glyph, 16), "?") for glyph in glyphs]
            else:
                shown.append("\n")
        return "".join(shown).replace("\t", " ")  # Qt's table says of a space that it is a tab

    def _fonts(self, page: bytes) -> dict[str, dict[int, str]]:
        """Letters by glyph, of each font of a page."""
        resources = self.objects[int(re.search(rb"/Resources (\d+) 0 R", page)[1])]
        found = {}
        for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", resources):
            font = self.objects[int(number)]
            table = self._stream(int(re.search(rb"/ToUnicode (\d+) 0 R", font)[1]))
            found[name.decode()] = _letters(table.decode("latin-1"))
        return found

    def _stream(self, number: int) -> bytes:
        body = self.objects[number]
        data = _STREAM.search(body)[1]
        return zlib.decompress(data) if b"/FlateDecode" in body else data


def _letters(table: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for first, last, rest in re.findall(
        r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(\[[^\]]*\]|<[0-9A-Fa-f]+>)", table
    ):
        texts = [bytes.fromhex(code).decode("utf-16-be") for code in _CODE.findall(rest)]
        if not rest.startswith("["):  # the first of a row
            texts = [chr(ord(texts[0]) + i) for i in range(int(last, 16) - int(first, 16) + 1)]
        found |= {int(first, 16) + i: text for i, text in enumerate(texts)}
    return found
