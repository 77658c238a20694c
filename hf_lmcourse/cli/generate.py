"""`lmcourse generate`: continue a prompt with a saved model, never with `<unk>` or padding."""

import argparse
import math
import sys
from typing import Any

import torch
from transformers import GenerationConfig, set_seed

from ..data.prompts import unknown_in_prompt
from ..data.streams import (
    first_token_id,
    prompt_token_ids,
    stop_token_id,
    unprinted_token_ids,
)
from ..errors import LmcourseError
from ..models.carried_states import tokens_that_fit
from ..models.loading import load_language_model
from .seeds import check_seed

_MINIMUM = {"length": 1, "top_k": 0, "beams": 1, "samples": 1}
_COLDEST = 1e-30
"""Logits that are divided by less overflow float32."""


def run(arguments: list[str]) -> int:
    """Print one or several continuations of a prompt."""
    options = _parser().parse_args(arguments)
    _check(options)
    model: Any
    model, tokenizer = load_language_model(options.model, options.revision)
    if (unknown := unknown_in_prompt(tokenizer, options.prompt)) is not None:
        print(f"lmcourse generate: {unknown}", file=sys.stderr)
    inputs = prompt_token_ids(tokenizer, options.prompt)
    if inputs.shape[1] == 0:
        raise LmcourseError("the prompt is empty: give at least one character with --prompt")
    length = tokens_that_fit(model, inputs.shape[1], options.length)
    if length < options.length:
        print(f"lmcourse generate: the model has room for {length} tokens", file=sys.stderr)
    set_seed(options.seed)
    sampling = not options.greedy and options.beams == 1
    settings = {"do_sample": sampling, "num_beams": options.beams}
    if sampling:
        settings |= {"temperature": options.temperature, "top_k": options.top_k}
        settings |= {"top_p": options.top_p, "num_return_sequences": options.samples}
    settings |= {"max_new_tokens": length, "eos_token_id": stop_token_id(tokenizer)}
    settings["suppress_tokens"] = unprinted_token_ids(tokenizer) or None
    try:
        with torch.no_grad():
            tokens = model.generate(inputs.to(model.device), **settings)
    except Exception as error:  # whatever a setting of the wrong type runs into
        if _has_usual_settings(model, tokenizer):
            raise
        raise LmcourseError(
            f"{options.model} cannot generate with its generation_config.json "
            f"({type(error).__name__}: {error}): correct or remove that file"
        ) from error
    for text in tokenizer.batch_decode(tokens):
        print(text)
    return 0


def _has_usual_settings(model: Any, tokenizer: Any) -> bool:
    """Whether the saved settings of the generation are those that the config alone gives."""
    usual = GenerationConfig.from_model_config(model.config)
    first = first_token_id(tokenizer)
    if model.generation_config.bos_token_id == first:  # earlier versions did not save it
        usual.bos_token_id = first
    return bool(model.generation_config.to_diff_dict() == usual.to_diff_dict())


def _check(options: argparse.Namespace) -> None:
    check_seed(options.seed)
    if options.greedy or options.beams > 1:
        sampling = {"samples": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
        for name, unused in sampling.items():
            if getattr(options, name) != unused:
                raise LmcourseError(f"--{name} is for sampling, not for --greedy or --beams")
    if not options.temperature > 0:  # and not nan either
        raise LmcourseError("--temperature must be above 0; use --greedy for the most likely token")
    if not _COLDEST <= options.temperature < math.inf:
        raise LmcourseError(f"--temperature must be from {_COLDEST} on, and finite")
    if not 0 < options.top_p <= 1:
        raise LmcourseError("--top_p must be above 0 and at most 1")
    for name, minimum in _MINIMUM.items():
        if getattr(options, name) < minimum:
            raise LmcourseError(f"--{name} must be at least {minimum}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse generate", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--prompt", default="\n", help="Text to continue (a line break).")
    add("--length", type=int, default=200, help="Tokens to add to the prompt (200).")
    add("--temperature", type=float, default=1.0, help="Temperature of the sampling (1.0).")
    add("--top_k", type=int, default=0, help="Sample from the k most likely tokens (0: all).")
    add(
        "--top_p",
        type=float,
        default=1.0,
        help="Sample from the most likely tokens of this total probability (1.0).",
    )
    add("--greedy", action="store_true", help="Take the most likely token at each step.")
    add("--beams", type=int, default=1, help="Number of beams of a beam search (1).")
    add("--samples", type=int, default=1, help="Number of continuations to draw (1).")
    add("--seed", type=int, default=0, help="Seed of the sampling (0).")
    return parser
