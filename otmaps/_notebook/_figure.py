"""A small figure of curves as SVG."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence

import numpy as np

from otmaps._arrays import FloatArray

_WIDTH, _HEIGHT = 300, 190
_COLUMN = 80  # of a legend at the right
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 26, 36
_DIGITS = 2  # after the point of a coordinate: a hundredth of a pixel
_MOST = 1e300  # beyond, differences of coordinates may overflow


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve: its label, points, colour and look."""

    label: str
    x: FloatArray
    y: FloatArray
    colour: str
    dashed: bool = False
    filled: bool = False


def figure(
    title: str,
    lines: Sequence[Line],
    *,
    across: str,
    stems: Sequence[tuple[float, float]] = (),
    from_zero: bool = False,
    beside: bool = False,
) -> str:
    """Curves in one frame, with ticks and a legend; nothing where there is nothing to draw.

    Parameters
    ----------
    title : str
        What stands upwards.
    lines : sequence of Line
        Points that are not finite are left out.
    across : str
        What stands across.
    stems : sequence of (float, float)
        Point masses: place and mass.
    from_zero : bool
        Whether the axis upwards begins at 0.
    beside : bool
        Whether the legend stands at the right of the frame, for many curves.
    """
    kept = [line for line in map(_finite, lines) if line.x.size > 1]
    if not kept:
        return ""
    frame = _Frame.around(kept, from_zero)
    parts = [_axes(frame, title, across)]
    parts += [_curve(frame, line) for line in kept]
    parts += [_stem(frame, place, mass) for place, mass in stems if frame.holds(place)]
    if len(kept) > 1:
        parts.append(_column(kept) if beside else _legend(kept))
    width = _WIDTH + (_COLUMN if beside else 0)
    told = f"{title} by {across}: " + ", ".join(line.label for line in kept)
    return (
        f'<svg viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{html.escape(told)}" xmlns="http://www.w3.org/2000/svg" '
        'style="max-width:100%;font:11px sans-serif;fill:currentColor;overflow:visible">'
        f"{''.join(parts)}</svg>"
    )


def _finite(line: Line) -> Line:
    with np.errstate(invalid="ignore"):
        good = (np.abs(line.x) < _MOST) & (np.abs(line.y) < _MOST)
    return dataclasses.replace(line, x=line.x[good], y=line.y[good])


@dataclasses.dataclass(frozen=True)
class _Frame:
    """The ranges shown, and where they lie."""

    low: float
    high: float
    bottom: float
    top: float

    @staticmethod
    def around(lines: Sequence[Line], from_zero: bool) -> _Frame:
        low = min(float(line.x.min()) for line in lines)
        high = max(float(line.x.max()) for line in lines)
        bottom = min(float(line.y.min()) for line in lines)
        top = max(float(line.y.max()) for line in lines)
        if from_zero:
            return _Frame(*_apart(low, high), 0.0, 1.05 * top if top > 0.0 else 1.0)
        room = 0.05 * (top - bottom)
        return _Frame(*_apart(low, high), *_apart(bottom - room, top + room))

    def holds(self, x: float) -> bool:
        return self.low <= x <= self.high

    def across(self, x: FloatArray | float) -> FloatArray:
        share = (np.asarray(x) - self.low) / (self.high - self.low)
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    def upwards(self, y: FloatArray | float) -> FloatArray:
        share = (np.asarray(y) - self.bottom) / (self.top - self.bottom)
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two ends that differ, also for a constant."""
    least = 1e-9 * max(abs(low), abs(high), 1e-290)
    return (low, high) if high - low > least else (low - max(0.5, least), high + max(0.5, least))


def _axes(frame: _Frame, title: str, across: str) -> str:
    right, base = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    edge = f"M{_LEFT} {_TOP}V{base}H{right}"
    parts = [f'<path d="{edge}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>']
    for tick in _ticks(frame.low, frame.high):
        x = float(frame.across(tick))
        parts.append(
            f'<path d="M{x:.1f} {base}v4" stroke="currentColor" stroke-opacity="0.5"/>'
            f'<text x="{x:.1f}" y="{base + 15}" text-anchor="middle">{tick:g}</text>'
        )
    for tick in _ticks(frame.bottom, frame.top):
        y = float(frame.upwards(tick))
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}h-4" stroke="currentColor" stroke-opacity="0.5"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">{html.escape(across)}</text>'
        f'<text x="2" y="11" font-weight="600">{html.escape(title)}</text>'
    )
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers in an interval, three to six of them."""
    power = 10.0 ** math.floor(math.log10(high - low))
    for step in (power, 0.5 * power, 0.2 * power, 0.1 * power):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first >= 2:
            break
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def _curve(frame: _Frame, line: Line) -> str:
    xs, ys = np.round(frame.across(line.x), _DIGITS), np.round(frame.upwards(line.y), _DIGITS)
    points = " ".join(f"{x:g},{y:g}" for x, y in zip(xs, ys, strict=True))
    look = ' stroke-dasharray="5 4"' if line.dashed else ""
    area = ""
    if line.filled:
        base = _HEIGHT - _BOTTOM
        area = (
            f'<polygon points="{xs[0]:g},{base} {points} {xs[-1]:g},{base}" fill="{line.colour}" '
            'fill-opacity="0.18" stroke="none"/>'
        )
    return (
        f'{area}<polyline points="{points}" fill="none" stroke="{line.colour}" '
        f'stroke-width="1.8" stroke-linejoin="round"{look}/>'
    )


def _stem(frame: _Frame, place: float, mass: float) -> str:
    x = float(frame.across(place))
    side, anchor = (3, "start") if x < 0.75 * _WIDTH else (-3, "end")
    return (
        f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="currentColor" '
        f'stroke-dasharray="2 3"/><text x="{x + side:.1f}" y="{_TOP + 9}" text-anchor="{anchor}">'
        f"mass {mass:.3g}</text>"
    )


def _legend(lines: Sequence[Line]) -> str:
    """The labels at the right, above the frame, each with a piece of its line."""
    parts, right = [], float(_WIDTH - _RIGHT)
    for line in reversed(lines):
        look = ' stroke-dasharray="5 4"' if line.dashed else ""
        right -= 6.4 * len(line.label)
        parts.append(
            f'<text x="{right:.0f}" y="11">{html.escape(line.label)}</text>'
            f'<path d="M{right - 20:.0f} 7.5h16" stroke="{line.colour}" stroke-width="2.4"{look}/>'
        )
        right -= 32
    return "".join(parts)


def _column(lines: Sequence[Line]) -> str:
    """The labels below each other at the right of the frame."""
    return "".join(
        f'<path d="M{_WIDTH} {_TOP + 12 + 18 * k}h16" stroke="{line.colour}" stroke-width="2.4"/>'
        f'<text x="{_WIDTH + 22}" y="{_TOP + 16 + 18 * k}">{html.escape(line.label)}</text>'
        for k, line in enumerate(lines)
    )
