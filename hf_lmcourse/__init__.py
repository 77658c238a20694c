"""Classical and course language models as first-class Hugging Face models.

    run = hf_lmcourse.train("quickstart", hidden_size=128)
    hf_lmcourse.evaluate(run.folder, "wikitext-2")
    hf_lmcourse.perplexity([run.folder, "gpt2"], "chapter.txt")

The command `lmcourse` calls the same functions. Everything here is imported when it is first used:
`import hf_lmcourse` imports neither torch nor transformers, and makes `AutoConfig`,
`AutoModelForCausalLM`, `pipeline` and `Trainer` know the model families.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import models
from .cache_folder import give_libraries_a_cache
from .errors import LmcourseError
from .models.families import announce_families

if TYPE_CHECKING:
    from .data.corpora import load_corpus as load_corpus
    from .evaluation.evaluate import evaluate as evaluate
    from .models import *
    from .runs.train import train as train
    from .text_perplexity.compare import perplexity as perplexity
    from .tokenization.character import CharacterTokenizer as CharacterTokenizer
    from .tokenization.digit_pattern import DigitPatternTokenizer as DigitPatternTokenizer
    from .tokenization.word import WordTokenizer as WordTokenizer
    from .tokenization.word_punctuation import (
        WordPunctuationTokenizer as WordPunctuationTokenizer,
    )
    from .training.arguments import RunArguments as RunArguments
    from .training.trainer import StreamTrainer as StreamTrainer

__version__ = "0.1.0"

_MODULES = {
    "train": ".runs.train",
    "evaluate": ".evaluation.evaluate",
    "perplexity": ".text_perplexity.compare",
    "load_corpus": ".data.corpora",
    "StreamTrainer": ".training.trainer",
    "RunArguments": ".training.arguments",
    "CharacterTokenizer": ".tokenization.character",
    "WordTokenizer": ".tokenization.word",
    "WordPunctuationTokenizer": ".tokenization.word_punctuation",
    "DigitPatternTokenizer": ".tokenization.digit_pattern",
    **dict.fromkeys(models.__all__, ".models"),
}
"""The module of each public name."""

__all__ = ["LmcourseError", "__version__", *_MODULES]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name], __name__), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


give_libraries_a_cache()
announce_families()
