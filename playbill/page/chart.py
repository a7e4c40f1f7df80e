"""Charts as inline SVG: curves with bands, dots with intervals. No script, no library.

Colours come from the page's style, by the position of a series; every chart has a title that says
in words what it shows, for those who cannot see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

WIDTH, HEIGHT = 380.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 22.0, 8.0, 36.0
COLOURS = 6
TICKS = 5
ROW = 20.0
REACH = 210.0
LETTER = 6.2  # widest mean letter of the page's fonts at their size here
LABEL_LETTERS = 40


@dataclass(frozen=True)
class Series:
    """Points of one curve, and how far each may be off.

    Attributes:
        name: What the legend calls it.
        xs: Positions.
        ys: Values.
        low: Lower ends of the band; empty: none.
        high: Its upper ends.
        marks: Draw a dot at each point.
        line: Draw the curve itself.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    low: Sequence[float] = field(default=())
    high: Sequence[float] = field(default=())
    marks: bool = False
    line: bool = True


@dataclass(frozen=True)
class Dot:
    """A value with its interval, as a row of a chart."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    colour: int = 0


def curves(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
    unit: bool = False,
) -> Any:
    """Return a chart of curves over one pair of axes.

    Args:
        series: The curves; those without a point are left out.
        title: Says in words what is shown.
        x_label: What runs to the right.
        y_label: What runs upwards.
        diagonal: Draw the line on which both are equal.
        unit: Both axes run from 0 to 1.
    """
    from markupsafe import Markup

    shown = [(place, one) for place, one in enumerate(series) if len(one.xs)]
    if not shown:
        return Markup("<p class='soft'>Nothing to draw.</p>")
    x = Axis.of([v for _, one in shown for v in one.xs], LEFT, WIDTH - RIGHT, unit=unit)
    heights = [v for _, one in shown for v in (*one.ys, *one.low, *one.high)]
    y = Axis.of(heights, HEIGHT - BOTTOM, TOP, unit=unit)
    body = [*_frame(x, y, x_label, y_label)]
    if diagonal:
        ends = (max(x.start, y.start), min(x.end, y.end))
        body.append(f'<path class="guide" d="{_path(ends, ends, x, y)}"/>')
    for place, one in shown:
        body += _curve(one, place % COLOURS, x, y)
    # Every text in it was escaped where it was put in.
    return Markup(_svg(title, WIDTH, HEIGHT, body))  # noqa: S704


def dots(rows: Sequence[Dot], *, title: str, guide: float | None = None) -> Any:
    """Return a chart of values with intervals, one below the other on one axis.

    Args:
        rows: Values; the first is on top.
        title: Says in words what is shown.
        guide: Where to draw an upright line to compare with.
    """
    from markupsafe import Markup

    ends = [v for one in rows for v in (one.value, one.low, one.high) if v is not None]
    ends += [] if guide is None else [guide]
    if not ends:
        return Markup("<p class='soft'>Nothing to draw.</p>")
    label = 12 + LETTER * max(18, *(len(_label(one)) for one in rows))
    x, height = Axis.of(ends, label, label + REACH), ROW * len(rows) + 18
    body = [_mark(x(tick), height - 16, height - 4, f"{tick:g}") for tick in x.ticks()]
    if guide is not None:
        body.append(f'<path class="guide" d="M{x(guide):.1f} 0V{height - 16:.1f}"/>')
    for place, one in enumerate(rows):
        body += _dot(one, place * ROW + ROW / 2, x)
    figure = 16 + LETTER * max(len(_said(one)) for one in rows)
    return Markup(_svg(title, x.last + figure, height, body))  # noqa: S704


def key(place: int) -> Any:
    """Return the little line that a legend shows for a series."""
    from markupsafe import Markup

    line = f'<path class="curve s{place % COLOURS}" stroke-width="4" d="M0 4H24"/>'
    return Markup(f'<svg viewBox="0 0 24 8" aria-hidden="true">{line}</svg>')  # noqa: S704


@dataclass(frozen=True)
class Axis:
    """Where a value lies on the picture: `start` at `first`, `end` at `last`."""

    start: float
    end: float
    first: float
    last: float

    @classmethod
    def of(
        cls, values: Sequence[float], first: float, last: float, *, unit: bool = False
    ) -> "Axis":
        """Return the axis that takes all values, its ends on ticks."""
        known = [value for value in values if math.isfinite(value)]
        if unit or not known:
            return cls(0.0, 1.0, first, last)
        start, end = min(known), max(known)
        if start == end:
            start, end = start - 0.5, end + 0.5
        step = _step(end - start)
        return cls(math.floor(start / step) * step, math.ceil(end / step) * step, first, last)

    def __call__(self, value: float) -> float:
        """Return where a value lies."""
        share = (value - self.start) / (self.end - self.start)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> list[float]:
        """Return the round values from end to end."""
        step = _step(self.end - self.start)
        count = round((self.end - self.start) / step)
        return [round(self.start + place * step, 12) for place in range(count + 1)]


def _step(span: float) -> float:
    """Return a round distance between ticks: 1, 2 or 5 times a power of ten."""
    rough = span / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"  # noqa: PLR2004 - a comma


def _svg(title: str, width: float, height: float, body: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img"><title>{escape(title)}</title>'
    return head + "".join(body) + "</svg>"


def _frame(x: Axis, y: Axis, x_label: str, y_label: str) -> list[str]:
    bottom, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    body = [f'<path class="mesh" d="M{x(t):.1f} {TOP}V{bottom}"/>' for t in x.ticks()]
    body += [f'<path class="mesh" d="M{LEFT} {y(t):.1f}H{WIDTH - RIGHT}"/>' for t in y.ticks()]
    body += [_text(x(t), bottom + 14, _tick(t), "middle") for t in x.ticks()]
    body += [_text(LEFT - 5, y(t) + 4, _tick(t), "end") for t in y.ticks()]
    body.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>')
    body.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, x_label, "middle"))
    turned = f'y="{middle:g}" text-anchor="middle" transform="rotate(-90 11 {middle:g})"'
    body.append(f'<text x="11" {turned}>{escape(y_label)}</text>')
    return body


def _curve(one: Series, colour: int, x: Axis, y: Axis) -> list[str]:
    body = []
    if one.low:
        there, back = _path(one.xs, one.high, x, y), _path(one.xs[::-1], one.low[::-1], x, y)
        body.append(f'<path class="band s{colour}" d="{there}L{back[1:]}z"/>')
    if one.line:
        body.append(f'<path class="curve s{colour}" d="{_path(one.xs, one.ys, x, y)}"/>')
    if one.marks:
        body += [
            f'<circle class="s{colour}" cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.4"/>'
            for a, b in zip(one.xs, one.ys, strict=True)
        ]
    return body


def _path(xs: Sequence[float], ys: Sequence[float], x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in zip(xs, ys, strict=True))


def _dot(one: Dot, height: float, x: Axis) -> list[str]:
    body = [_text(x.first - 12, height + 4, _label(one), "end")]
    if one.low is not None and one.high is not None:
        ends = f"M{x(one.low):.1f} {height:g}H{x(one.high):.1f}"
        body.append(f'<path class="reach s{one.colour}" d="{ends}"/>')
    body.append(f'<circle class="s{one.colour}" cx="{x(one.value):.1f}" cy="{height:g}" r="3.5"/>')
    body.append(_text(x.last + 10, height + 4, _said(one), "start"))
    return body


def _label(one: Dot) -> str:
    label = one.label
    return label if len(label) <= LABEL_LETTERS else f"{label[: LABEL_LETTERS - 1]}…"


def _said(one: Dot) -> str:
    """Return a value with its interval as text: three figures, those of whole numbers all."""
    if one.low is None or one.high is None:
        return _figure(one.value)
    return f"{_figure(one.value)} ({_figure(one.low)} to {_figure(one.high)})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - a comma


def _mark(x: float, top: float, bottom: float, text: str) -> str:
    line = f'<path class="mesh" d="M{x:.1f} 0V{top:.1f}"/>'
    return line + _text(x, bottom, text, "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
