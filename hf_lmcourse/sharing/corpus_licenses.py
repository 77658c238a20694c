"""What a reader of a card should know of the training data: language, place on the Hub, terms."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CorpusFacts:
    """Facts of a corpus.

    Attributes:
        terms: Under which it may be used, in a sentence.
        hub: Its id on the Hub, if it has one.
        language: Of the text as a Hub code; `None` if unknown.
    """

    terms: str
    hub: str | None = None
    language: str | None = "en"


_WIKITEXT = CorpusFacts("Text of Wikipedia, CC BY-SA 3.0.", "Salesforce/wikitext")

_LDC = (
    "Licence of the Linguistic Data Consortium (LDC99T42): for research, and in general not free "
    "to pass on."
)

_FACTS = {
    "cpython-docs": CorpusFacts("Documentation of Python, PSF licence version 2."),
    "tiny_shakespeare": CorpusFacts("Text in the public domain.", "karpathy/tiny_shakespeare"),
    "names": CorpusFacts("Names from public records of the United States, in the public domain."),
    "wikitext-2": _WIKITEXT,
    "wikitext-103": _WIKITEXT,
    "ptb": CorpusFacts(_LDC, "ptb-text-only/ptb_text_only"),
    "tau-lm": CorpusFacts(_LDC),
    "tau-lm-swapped": CorpusFacts(_LDC),
    "toy_reviews": CorpusFacts("Made by hf-lmcourse itself, Apache-2.0."),
    "imdb": CorpusFacts(
        "No licence is stated; the reviews belong to their writers, and the authors of the "
        "collection ask to be cited (Maas et al. 2011).",
        "stanfordnlp/imdb",
    ),
    "sst2": CorpusFacts(
        "No licence is stated; for research, the authors ask to be cited (Socher et al. 2013).",
        "stanfordnlp/sst2",
    ),
    "rotten_tomatoes": CorpusFacts(
        "No licence is stated; for research, the authors ask to be cited (Pang and Lee 2005).",
        "cornell-movie-review-data/rotten_tomatoes",
    ),
}

_OWN = CorpusFacts(
    "Data of whoever trained the model; its terms are not known here, so see to them before you "
    "share.",
    language=None,
)


def corpus_facts(name: str) -> CorpusFacts:
    """Look up a corpus of this package by its name; anything else is data of the user's own."""
    return _FACTS.get(name, _OWN)
