"""The asterisk of what a text with unknown tokens costs per character, byte or word."""

from collections.abc import Mapping
from typing import Any

ASTERISK_NOTE = "* without the spelling of unknown tokens: too low to compare with other tokenizers"
"""What the asterisk means."""

_PER_TEXT = ("bits_per_character", "bits_per_byte", "word_perplexity")


def asterisk(metrics: Mapping[str, Any], name: str) -> str:
    """Return an asterisk for a metric that leaves out what the unknown tokens were, else nothing.

    Args:
        metrics: The metrics of a text; those without an `unknown_share` have no asterisk.
        name: One of them.
    """
    return "*" if name in _PER_TEXT and metrics.get("unknown_share") else ""


def has_asterisk(metrics: Mapping[str, Any]) -> bool:
    """Whether one of these metrics has an asterisk."""
    return any(asterisk(metrics, name) for name in metrics)
