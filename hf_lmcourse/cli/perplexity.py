"""`lmcourse perplexity`: compare language models by their perplexity on the same texts."""

import argparse

from ..report.files import check_writable
from ..text_perplexity.compare import perplexity
from ..text_perplexity.preprocessing import CHAINS, STEPS
from ..text_perplexity.table import BASES


def run(arguments: list[str]) -> int:
    """Score every model on every text; print the table, and write it with plots and reasons."""
    options = _parser().parse_args(arguments)
    check_writable(options.output_dir, "--output_dir")
    comparison = perplexity(
        options.model,
        options.text,
        preprocess=options.preprocess,
        base=options.base,
        temperature=options.temperature,
        stride=options.stride,
        block_length=options.block_length,
        training_text=options.training_text,
        hold_out=options.hold_out,
        data_dir=options.data_dir,
        command=["lmcourse", "perplexity", *arguments],
    )
    print(comparison)
    names = comparison.save(options.output_dir, surprisal=options.surprisal)
    print(f"\n{options.output_dir}: {', '.join(names)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    steps = "; ".join(f"{name}: {step.meaning}" for name, step in STEPS.items())
    chains = "; ".join(f"{name} = {','.join(parts)}" for name, parts in CHAINS.items())
    parser = argparse.ArgumentParser("lmcourse perplexity", description=__doc__)
    add = parser.add_argument
    add("model", nargs="+", help="Run folders, saved models or ids on the Hub.")
    add("--text", nargs="+", required=True, help="Text files, each scored as a whole.")
    add(
        "--preprocess",
        nargs="+",
        default=[],
        help=f"Also score the texts after each of these chains: {chains}; or steps separated by "
        f"commas: {steps}; FILE.py:FUNCTION is your own function from text to text.".replace(
            "%", "%%"
        ),
    )
    add("--base", choices=list(BASES), default="e", help="Base of the logarithm (e).")
    add(
        "--temperature",
        type=float,
        default=1.0,
        help="Temperature that divides the logits; only 1 gives perplexities of the models (1.0).",
    )
    add("--stride", type=int, help="Tokens that a window scores (half of the window).")
    add("--block_length", type=int, help="Tokens in a window (the model's longest context).")
    add("--surprisal", action="store_true", help="Also draw where each model is surprised.")
    add(
        "--training_text",
        help="Corpus or text file that the models were trained on, to look the texts up in (what "
        "each run folder records).",
    )
    add("--hold_out", nargs="+", default=[], help="Text files taken out of --training_text.")
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--output_dir", default="perplexity", help="Folder of the tables and plots (perplexity).")
    return parser
