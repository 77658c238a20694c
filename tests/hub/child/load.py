"""Load by their ids what another process pushed, with the package; print what came."""

import json
import sys
from typing import Any

import evaluate
import transformers
from datasets import load_dataset
from tiny import FAMILIES, fingerprint
from transformers import AutoTokenizer, pipeline

import hf_lmcourse  # noqa: F401  # registers the model types
from hf_lmcourse.data.corpora import load_corpus


def load(family: str, place: str, **options: Any) -> tuple[Any, Any]:
    kind = "SequenceClassification" if family == "dan" else "CausalLM"
    auto = getattr(transformers, f"AutoModelFor{kind}")
    return auto.from_pretrained(place, **options), AutoTokenizer.from_pretrained(place, **options)


def by_pipeline(family: str) -> Any:
    """What the pipeline made from the id alone says."""
    if family == "dan":
        return pipeline("text-classification", model="ada/dan")("the cat")
    generate = pipeline("text-generation", model=f"ada/{family}")
    return generate("the ", max_new_tokens=5, do_sample=False)[0]["generated_text"]


def metric() -> Any:
    found = evaluate.load("ada/corpus_perplexity")
    found.add_batch(predictions=[2.0, 1.0], references=[2, 1])
    return found.compute()


if __name__ == "__main__":
    texts = load_dataset("ada/texts", split="train")
    corpus = load_corpus("wikitext-2")
    sys.stdout.write(
        "\n"
        + json.dumps(
            {
                "families": {f: fingerprint(*load(f, f"ada/{f}")) for f in FAMILIES},
                "with_code": {f: fingerprint(*load(f, f"course/{f}")) for f in FAMILIES},
                "revisions": {
                    revision: fingerprint(*load("lstm", "ada/changing", revision=revision))
                    for revision in ("main", "halved")
                },
                "trained": {f: load(f, f"ada/trained_{f}")[0].training for f in ("gru", "dan")},
                "pipelines": {f: by_pipeline(f) for f in FAMILIES},
                "dataset": texts.to_dict(),
                "corpus": {split: corpus.text(split) for split in corpus.splits},
                "tables": load_corpus("tiny_shakespeare").text("train"),
                "metric": metric(),
            }
        )
    )
