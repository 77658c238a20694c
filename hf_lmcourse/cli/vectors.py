"""`lmcourse vectors`: save the word vectors that a model has learned."""

import argparse

import torch

from ..data.word_vectors import write_word_vectors
from ..models.exported_vectors import model_vectors
from ..models.loading import load_model


def run(arguments: list[str]) -> int:
    """Write a text file with one line per token: the token and its vector."""
    options = _parser().parse_args(arguments)
    found = model_vectors(*load_model(options.model), layer=options.layer)
    left_out = write_word_vectors(
        options.file,
        found.words,
        torch.from_numpy(found.vectors),
        header=options.format == "word2vec",
    )
    saved = len(found.words) - len(left_out)
    print(f"{options.file}: {saved:,} words x {found.vectors.shape[1]}, {options.format} format")
    if left_out:
        print(f"left out, since they contain whitespace: {len(left_out)} tokens")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse vectors", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("file", help="Text file to write; compressed if its name ends in .gz.")
    add(
        "--layer",
        choices=["input", "output"],
        default="input",
        help="Layer whose embeddings are saved (input).",
    )
    add(
        "--format",
        choices=["glove", "word2vec"],
        default="glove",
        help="Format of the file; word2vec begins with a line of sizes (glove).",
    )
    return parser
