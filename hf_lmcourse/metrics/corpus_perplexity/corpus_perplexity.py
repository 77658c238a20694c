"""Corpus perplexity from summed negative log-likelihoods, as an `evaluate` metric."""

import math

import datasets
import evaluate

_DESCRIPTION = """\
Perplexity of a language model over a whole corpus: exp(sum of negative log-likelihood / number of
predicted tokens). The sum runs over all records before anything is divided, so the result does not
depend on how the corpus was cut into batches. From the same sum come nats and bits per token and,
if the corpus is counted in characters, bytes or words, values comparable across tokenizers.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of float): summed negative log-likelihood of each record, in nats.
    references (list of int): number of predicted tokens of each record.
    characters (int, optional): characters of the whole corpus; adds `bits_per_character`.
    bytes (int, optional): bytes of the whole corpus; adds `bits_per_byte`.
    words (int, optional): words of the whole corpus; adds `word_perplexity`.
Returns:
    perplexity (float): exp(sum of nats / tokens), infinite if that overflows.
    nats_per_token (float): sum of nats / tokens.
    bits_per_token (float): the same divided by ln 2.
    tokens (int): number of predicted tokens.
    bits_per_character, bits_per_byte (float): sum of nats / ln 2 / count.
    word_perplexity (float): exp(sum of nats / words).
Examples:
    >>> metric = evaluate.load("corpus_perplexity")
    >>> metric.add_batch(predictions=[2.0794415416798357, 0.6931471805599453], references=[3, 1])
    >>> results = metric.compute(characters=8)
    >>> round(results["perplexity"], 6), round(results["bits_per_character"], 6)
    (2.0, 0.5)
"""

_CITATION = """\
@article{jelinek1977perplexity,
  title={Perplexity -- a measure of the difficulty of speech recognition tasks},
  author={Jelinek, Frederick and Mercer, Robert L. and Bahl, Lalit R. and Baker, James K.},
  journal={The Journal of the Acoustical Society of America},
  volume={62},
  number={S1},
  year={1977}
}
"""


def _exp(value: float) -> float:
    """Return exp(value), or infinity if it overflows."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class CorpusPerplexity(evaluate.Metric):
    """Perplexity = exp(sum of nats / tokens), over all records of all processes."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(
        self,
        predictions: list[float],
        references: list[int],
        characters: int | None = None,
        bytes: int | None = None,
        words: int | None = None,
    ) -> dict[str, float]:
        for name, count in (("characters", characters), ("bytes", bytes), ("words", words)):
            if count is not None and count < 1:
                raise ValueError(
                    f"corpus_perplexity: {name}={count} must be at least 1 if it is given."
                )
        nats, tokens = math.fsum(predictions), sum(references)
        if min(references, default=0) < 0 or tokens == 0:
            raise ValueError(
                f"corpus_perplexity: the {len(references)} records add up to {tokens} predicted"
                " tokens; pass in `references` how many tokens each record predicted, at least one"
                " in all and none of them negative."
            )
        bits = nats / math.log(2)
        results: dict[str, float] = {
            "perplexity": _exp(nats / tokens),
            "nats_per_token": nats / tokens,
            "bits_per_token": bits / tokens,
            "tokens": tokens,
        }
        if characters is not None:
            results["bits_per_character"] = bits / characters
        if bytes is not None:
            results["bits_per_byte"] = bits / bytes
        if words is not None:
            results["word_perplexity"] = _exp(nats / words)
        return results
