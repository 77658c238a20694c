"""`lmcourse attention`: plot and measure what the attention heads of a Transformer look at."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..data.corpora import load_corpus
from ..data.encoding import encode_split
from ..errors import LmcourseError
from ..inspection.attention_heads import SHARES, HeadStatistics, attention_maps, head_statistics
from ..inspection.attention_plots import plot_heads, plot_layer_means
from ..models.loading import load_language_model
from ..report.files import check_writable
from ..report.json_files import write_json
from ..report.tables import aligned_table


def run(arguments: list[str]) -> int:
    """Plot the weights on a text, compute statistics of the heads on a corpus, or both."""
    options = _parser().parse_args(arguments)
    if options.text is None and options.data is None:
        raise LmcourseError("give a text to plot (--text), a corpus (--data), or both")
    check_writable(options.output_dir, "--output_dir")
    if options.tokens < 1:
        raise LmcourseError("--tokens must be at least 1")
    corpus = None if options.data is None else load_corpus(options.data, options.data_dir)
    model: Any
    model, tokenizer = load_language_model(options.model, options.revision)
    if options.text is not None:
        _plot(options, model, tokenizer)
    if corpus is not None:
        encoded = encode_split(corpus, options.split, tokenizer, options.cache_dir)
        statistics = head_statistics(model, tokenizer, encoded.tokens[: options.tokens])
        print(f"{options.model} on {corpus.name}, {options.split}")
        print(_table(statistics))
        _write_json(options, "heads.json", [asdict(row) for row in statistics])
    return 0


def _plot(options: argparse.Namespace, model: Any, tokenizer: Any) -> None:
    maps = attention_maps(model, tokenizer, options.text)
    layers = len(maps.weights)
    layer = layers - 1 if options.layer is None else options.layer
    if not 0 <= layer < layers:
        raise LmcourseError(f"there is no layer {layer}: the model has layers 0 to {layers - 1}")
    _write_json(options, "weights.json", maps.as_dict())
    folder, name = Path(options.output_dir), Path(options.model).name
    heads, means = folder / f"heads_of_layer_{layer}.png", folder / "layer_means.png"
    plot_heads(maps.weights[layer], maps.tokens, heads, f"{name}: heads of layer {layer}")
    plot_layer_means(maps.weights, maps.tokens, means, f"{name}: means over the heads")
    print(
        f"{folder}: {heads.name}, {means.name}, weights.json "
        f"({layers} layers, {maps.weights.shape[1]} heads, {len(maps.tokens)} tokens)"
    )


def _table(statistics: list[HeadStatistics]) -> str:
    """Format shares in percent, entropy in bits and distance in tokens, one row per head."""
    titles = ["head", *(name.replace("_", " ") for name in SHARES), "entropy", "distance", "role"]
    rows = [titles]
    for row in statistics:
        shares = (f"{100 * getattr(row, name):.1f}%" for name in SHARES)
        role = row.role.replace("_", " ")
        rows.append([row.head, *shares, f"{row.entropy:.2f}", f"{row.distance:.1f}", role])
    return aligned_table(rows, left=(0, len(titles) - 1))


def _write_json(options: argparse.Namespace, name: str, content: Any) -> None:
    write_json(Path(options.output_dir, name), content, indent=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse attention", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--text", help="Plot the attention weights on this text.")
    add("--layer", type=int, help="Plot the heads of this layer, from 0 (the last).")
    add("--data", help="Measure the heads on this corpus, by name or path.")
    add(
        "--split",
        default="validation",
        help="Split of the corpus that is measured on (validation).",
    )
    add(
        "--tokens",
        type=int,
        default=16_384,
        help="Tokens of the split that are measured on (16,384).",
    )
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--cache_dir", help="Folder of tokenized text (environment: LMCOURSE_CACHE).")
    add("--output_dir", default="attention", help="Folder of the plots and JSON files (attention).")
    return parser
