"""`lmcourse attention`: see what the heads of a Transformer look at."""

import argparse
import json
from pathlib import Path
from typing import Any

from ..data.corpora import load_corpus
from ..data.encoding import encode_split
from ..errors import LmcourseError
from ..inspection.attention_heads import SHARES, HeadStatistics, attention_maps, head_statistics
from ..inspection.attention_plots import plot_heads, plot_layer_means
from ..models.loading import load_language_model

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Draw the weights on a text, count what the heads do on a corpus, or both.

    Args:
        arguments: see `lmcourse attention --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    if options.text is None and options.data is None:
        raise LmcourseError("give a text to draw (--text), a corpus to count on (--data), or both")
    if options.tokens < 1:
        raise LmcourseError("--tokens must be at least 1")
    corpus = None if options.data is None else load_corpus(options.data, options.data_dir)
    model: Any
    model, tokenizer = load_language_model(options.model, options.revision)
    if options.text is not None:
        _draw(options, model, tokenizer)
    if corpus is not None:
        encoded = encode_split(corpus, options.split, tokenizer, options.cache_dir)
        statistics = head_statistics(model, tokenizer, encoded.tokens[: options.tokens])
        print(f"{options.model} on {corpus.name}, {options.split}")
        print(_table(statistics))
        _write_json(options, "heads.json", [row.as_dict() for row in statistics])
    return 0


def _draw(options: argparse.Namespace, model: Any, tokenizer: Any) -> None:
    maps = attention_maps(model, tokenizer, options.text)
    layers = len(maps.weights)
    layer = layers - 1 if options.layer is None else options.layer
    if not 0 <= layer < layers:
        raise LmcourseError(f"there is no layer {layer}: the model has layers 0 to {layers - 1}")
    _write_json(options, "weights.json", maps.as_dict())
    folder = Path(options.output_dir)
    name = Path(options.model).name
    plot_heads(
        maps.weights[layer],
        maps.tokens,
        folder / f"heads_of_layer_{layer}.png",
        f"{name}: heads of layer {layer}",
    )
    plot_layer_means(
        maps.weights, maps.tokens, folder / "layer_means.png", f"{name}: means over the heads"
    )
    print(
        f"{folder}: heads_of_layer_{layer}.png, layer_means.png, weights.json "
        f"({layers} layers, {maps.weights.shape[1]} heads, {len(maps.tokens)} tokens)"
    )


def _table(statistics: list[HeadStatistics]) -> str:
    """Shares in percent, entropy in bits, distance in tokens."""
    titles = ("head", *(name.replace("_", " ") for name in SHARES), "entropy", "distance", "role")
    rows = [titles]
    for row in statistics:
        shares = (f"{100 * getattr(row, name):.1f}%" for name in SHARES)
        role = row.role.replace("_", " ")
        rows.append((row.head, *shares, f"{row.entropy:.2f}", f"{row.distance:.1f}", role))
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    lines = []
    for first, *cells, role in rows:
        middle = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:-1], strict=True))
        lines.append("  ".join(["", f"{first:<{widths[0]}}", *middle, role]).rstrip())
    return "\n".join(lines)


def _write_json(options: argparse.Namespace, name: str, content: Any) -> None:
    path = Path(options.output_dir, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse attention", description=__doc__)
    parser.add_argument("model", help="run folder, saved model or id on the Hub")
    parser.add_argument("--revision", help="branch, tag or commit of an id on the Hub (main)")
    parser.add_argument("--text", help="draw the weights on this text")
    parser.add_argument("--layer", type=int, help="draw the heads of this layer, from 0 (the last)")
    parser.add_argument("--data", help="count on this corpus, by name or path, what each head does")
    parser.add_argument("--split", default="validation", help="of the corpus (validation)")
    parser.add_argument("--tokens", type=int, default=16_384, help="of the split (16,384)")
    parser.add_argument("--data_dir", help="folder of local corpora (environment: LMCOURSE_DATA)")
    parser.add_argument("--cache_dir", help="tokenized text (environment: LMCOURSE_CACHE)")
    parser.add_argument("--output_dir", default="attention", help="for pictures and JSON")
    return parser
