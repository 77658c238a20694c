"""Load by id and with the code that lies there, where hf_lmcourse does not exist; print it."""

import json
import sys
import tempfile
from typing import Any

import torch
import transformers
from tiny import FAMILIES, fingerprint
from transformers import AutoTokenizer, pipeline

TRUST = {"trust_remote_code": True}


def refusal(load: Any, *args: Any, **kwargs: Any) -> str | None:
    """What is said where something is refused."""
    try:
        load(*args, **kwargs)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def look_at(family: str) -> dict[str, Any]:
    """Load one family in every way that ought to work, and in those that ought not to."""
    place = f"course/{family}"
    kind = "SequenceClassification" if family == "dan" else "CausalLM"
    auto = getattr(transformers, f"AutoModelFor{kind}")
    refused = refusal(auto.from_pretrained, place, trust_remote_code=False)
    without_code = refusal(auto.from_pretrained, f"ada/{family}", trust_remote_code=False)
    model = auto.from_pretrained(place, **TRUST)
    tokenizer = AutoTokenizer.from_pretrained(place, **TRUST)
    body = transformers.AutoModel.from_pretrained(place, **TRUST)
    with tempfile.TemporaryDirectory() as folder:  # what a fine-tuning without the package saves
        model.save_pretrained(folder)
        again = auto.from_pretrained(folder, **TRUST)
        saved = fingerprint(again, tokenizer)
    found = {
        "refused": refused,
        "without_code": without_code,
        "print": fingerprint(model, tokenizer),
        "saved": saved,
        "body": type(body).__name__,
    }
    if family == "dan":
        classify = pipeline("text-classification", model=place, tokenizer=tokenizer, **TRUST)
        return {**found, "pipeline": classify("the cat")}
    generate = pipeline("text-generation", model=place, tokenizer=tokenizer, **TRUST)
    answer = generate("the ", max_new_tokens=5, do_sample=False)[0]["generated_text"]
    prompt = tokenizer(["the", "a dog"], return_tensors="pt", padding=True, padding_side="left")
    with torch.no_grad():
        steps = [
            model.generate(**prompt, max_new_tokens=8, num_beams=2, use_cache=cached).tolist()
            for cached in (True, False)
        ]
    return {**found, "pipeline": answer, "with_cache": steps[0], "without_cache": steps[1]}


if __name__ == "__main__":
    report: dict[str, Any] = {family: look_at(family) for family in FAMILIES}
    report["package"] = refusal(__import__, "hf_lmcourse")
    sys.stdout.write("\n" + json.dumps(report))
