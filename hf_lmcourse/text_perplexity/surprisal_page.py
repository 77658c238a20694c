"""Surprisal of a text as a self-contained HTML page."""

import heapq
import math
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.colors import LinearSegmentedColormap, to_hex

from ..report.palette import VERMILION
from .score import TextScore
from .surprisal import SurprisalUnit, surprisal_units

SURPRISAL_COLOURS = LinearSegmentedColormap.from_list("surprisal", ["#ffffff", VERMILION])
"""From 0 bits to many; black text is readable on all of them."""

_LIMITS = (8, 12, 16, 20, 24)
_MOST = 20
_AROUND = 40
_SIGNS = {"\n": "\u21b5", " ": "\u2423", "\t": "\u21e5"}


def colour_limit(units: Sequence[SurprisalUnit]) -> int:
    """Choose the bits with the strongest colour among a few round numbers, so that pages compare.

    It is the least of them that at most 1% of the known pieces exceed.
    """
    bits = sorted(unit.bits for unit in units if unit.bits is not None and not unit.unknown)
    if not bits:
        return _LIMITS[-1]
    high = bits[math.ceil(0.99 * len(bits)) - 1]
    return next((limit for limit in _LIMITS if high <= limit), _LIMITS[-1])


def visible(text: str) -> str:
    """Replace whitespace by visible signs in a piece that consists of it."""
    return text if text.strip() else "".join(_SIGNS.get(c, c) for c in text)


def surprisal_page(score: TextScore) -> str:
    """Render the text in HTML, each piece in the colour of its surprisal, without external files.

    Hovering over a piece shows its bits; unknown ones are underlined; a table lists the costliest.
    """
    units = surprisal_units(score)
    limit = colour_limit(units)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("surprisal.html.jinja").render(
        score=score,
        limit=limit,
        pieces=[_piece(unit, limit) for unit in units],
        legend=[(bits, _colour(bits, limit)) for bits in range(0, limit + 1, limit // 4)],
        most=_costliest(units),
        metrics={
            "perplexity": f"{score.metrics['perplexity']:,.2f}",
            "bits per token": f"{score.metrics['bits_per_token']:.3f}",
            "bits per character": f"{score.metrics['bits_per_character']:.3f}{score.asterisk}",
            "tokens": f"{len(score.nats):,}",
            "unknown tokens": f"{score.metrics['unknown_share']:.1%}",
            "accuracy": f"{score.metrics['accuracy']:.1%}",
        },
    )


def _piece(unit: SurprisalUnit, limit: int) -> dict[str, str]:
    if unit.bits is None:
        return {"text": unit.text, "colour": "", "title": "", "kind": ""}
    shown = unit.text.replace("\n", "\u21b5\n")
    kind = "unknown" if unit.unknown else ""
    title = f"{visible(unit.text)}  {unit.bits:.2f} bits, probability {2.0**-unit.bits:.3g}"
    title += ", unknown" if unit.unknown else ""
    return {"text": shown, "colour": _colour(unit.bits, limit), "title": title, "kind": kind}


def _colour(bits: float, limit: int) -> str:
    return to_hex(SURPRISAL_COLOURS(min(1.0, bits / limit)))


def _costliest(units: Sequence[SurprisalUnit]) -> list[dict[str, str]]:
    scored = [i for i, unit in enumerate(units) if unit.bits is not None]
    rows = []
    for i in heapq.nlargest(_MOST, scored, key=lambda i: units[i].bits or 0.0):
        before = "".join(unit.text for unit in units[max(0, i - _AROUND) : i])[-_AROUND:]
        after = "".join(unit.text for unit in units[i + 1 : i + 1 + _AROUND])[:_AROUND]
        rows.append(
            {
                "bits": f"{units[i].bits:.2f}",
                "before": " ".join(before.split("\n")),
                "text": visible(units[i].text),
                "after": " ".join(after.split("\n")),
            }
        )
    return rows
