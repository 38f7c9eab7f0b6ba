"""Numbers in words and units."""

from __future__ import annotations

from datetime import datetime

from viewer.text.tr import decimal, language, tr, tr_n

MONTHS = (
    tr("January"), tr("February"), tr("March"), tr("April"), tr("May"), tr("June"), tr("July"),
    tr("August"), tr("September"), tr("October"), tr("November"), tr("December"),
)  # fmt: skip


def area(square_px: float, mpp: float | None) -> str:
    """An area in mm² or µm² when µm/px is known, else in px²."""
    if mpp is None:
        return f"{square_px:,.0f} px²".replace(",", "\u202f")
    um2 = square_px * mpp * mpp
    if um2 >= 100_000:
        return decimal(f"{um2 / 1e6:.2f} mm²" if um2 >= 1e6 else f"{um2 / 1e6:.3f} mm²")
    return f"{um2:,.0f} µm²".replace(",", "\u202f")


def area_mm2(square_px: float, mpp: float | None) -> str:
    """The same for columns of areas, which share one unit: mm², or px² without µm/px."""
    if mpp is None:
        return area(square_px, None)
    return decimal(f"{square_px * mpp * mpp / 1e6:,.3f} mm²")


def length(px: float, mpp: float | None) -> str:
    """A length in mm or µm when µm/px is known, else in px."""
    if mpp is None:
        return f"{px:,.0f} px".replace(",", "\u202f")
    um = px * mpp
    return decimal(f"{um / 1000:.2f} mm") if um >= 1000 else f"{um:.0f} µm"


def exact_length(px: float, mpp: float | None) -> str:
    """A measured length with three digits: "12.3 µm", "1.234 mm", "87.5 px"."""
    if mpp is None:
        return decimal(f"{px:.1f} px") if px < 1000 else length(px, None)
    um = px * mpp
    if um >= 1000:
        return decimal(f"{um / 1000:.3f} mm")
    return decimal(f"{um:.1f} µm" if um >= 10 else f"{um:.2f} µm")


def degrees(angle: float) -> str:
    return decimal(f"{angle:.1f}°")


def rotation(angle: float) -> str:
    """ "37°", "−12.5°": from -180° to 180°, positive to the right."""
    signed = round(180.0 - (180.0 - angle) % 360.0, 1)
    text = f"{abs(signed):.1f}".removesuffix(".0")
    return decimal(f"−{text}°" if signed < 0 else f"{text}°")


def whole(number: int) -> str:
    """ "20 002", with a narrow space that does not end a line."""
    return f"{number:,}".replace(",", "\u202f")


def value(number: float) -> str:
    """Three digits, with a real minus sign."""
    return decimal(f"{number:.3g}").replace("-", "\u2212")


def correlation(number: float) -> str:
    """Two digits, with a real minus sign; never rounded to 1 or −1."""
    text = f"{number:.2f}".replace("-0.00", "0.00")
    if abs(text_value := float(text)) == 1 and abs(number) < 1 - 1e-9:
        text = f"{text_value * 0.999:.3f}"
    return decimal(text).replace("-", "\u2212")


def percent(share: float) -> str:
    """0.973 → "97.3 %"; never rounded to "0.0 %" or "100.0 %"."""
    if 0.9995 <= share < 1:
        return decimal("> 99.9 %")
    if 0 < share < 0.0005:
        return decimal("< 0.1 %")
    return decimal(f"{share * 100:.1f} %")


def regions(number: int) -> str:
    """ "1 region", "3 regions"; the others of this kind alike."""
    return tr_n("{count} region", "{count} regions", number).format(count=whole(number))


def points(number: int) -> str:
    return tr_n("{count} point", "{count} points", number).format(count=whole(number))


def windows(number: int) -> str:
    return tr_n("{count} window", "{count} windows", number).format(count=whole(number))


def classes(number: int) -> str:
    return tr_n("{count} class", "{count} classes", number).format(count=whole(number))


def within(text: str) -> str:
    """A heading as it stands inside a sentence; German keeps the large letters of its nouns."""
    return text if language() == "de" else f"{text[:1].lower()}{text[1:]}"


def parameters(number: int) -> str:
    """6_100_000 → "6.1 M parameters"."""
    return tr("{millions:.1f} M parameters").format(millions=number / 1e6)


def pace(per_second: float, left_s: float) -> str:
    """ "120 windows/s, 3 min left"; the speed alone when less than half a second is left."""
    speed = whole(round(per_second)) if per_second >= 10 else decimal(f"{per_second:.1f}")
    if left_s < 0.5:
        return tr("{speed} windows/s").format(speed=speed)
    return tr("{speed} windows/s, {time} left").format(speed=speed, time=duration(left_s))


def day(when: datetime, now: datetime | None = None) -> str:
    """ "today, 14:03", "12 May", "12 May 2025"; local time."""
    now = now or datetime.now()
    if when.date() == now.date():
        return tr("today, {time}").format(time=when.strftime("%H:%M"))
    text = tr("{day} {month}").format(day=when.day, month=MONTHS[when.month - 1])
    return text if when.year == now.year else f"{text} {when.year}"


def duration(seconds: float) -> str:
    """ "40 s", "3 min", "1 h 20 min"; the last minute in seconds."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
