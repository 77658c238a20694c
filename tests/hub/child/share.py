"""Push a tiny model of every family in every way, data sets and a metric; print what was pushed."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from huggingface_hub import HfApi
from tiny import FAMILIES, TEXTS, fingerprint, tiny

import hf_lmcourse.metrics
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.sharing.push import push_folder
from hf_lmcourse.sharing.sharing_trainer import with_sharing
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.sparse_gradients import SparseGradientTrainer
from hf_lmcourse.training.trainer import StreamTrainer


def push_models() -> dict[str, str]:
    """Each family through `push_to_hub`, and through `push_folder` with its code."""
    prints = {}
    for family in FAMILIES:
        model, tokenizer = tiny(family)
        prints[family] = fingerprint(model, tokenizer)
        model.push_to_hub(f"ada/{family}")
        tokenizer.push_to_hub(f"ada/{family}")
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            push_folder(folder, f"course/{family}", with_code=True)
    return prints


def push_revisions() -> dict[str, str]:
    """A model changed on a branch, and on main."""
    model, tokenizer = tiny("lstm")
    prints = {}
    for revision, factor in (("halved", 0.5), ("main", 3.0)):
        with torch.no_grad():
            model.model.embed_tokens.weight.mul_(factor)
        model.push_to_hub("ada/changing", revision=revision, create_pr=False)
        tokenizer.push_to_hub("ada/changing", revision=revision)
        prints[revision] = fingerprint(model, tokenizer)
    return prints


def push_by_trainer(family: str, folder: Path) -> list[str]:
    """A step of training with a checkpoint, then Trainer's own push; the files it pushed from."""
    model, tokenizer = tiny(family)
    args = RunArguments(
        output_dir=str(folder / f"trained_{family}"),
        hub_model_id=f"ada/trained_{family}",
        max_steps=1,
        per_device_train_batch_size=2,
        per_device_eval_batch_size=2,
        save_strategy="steps",
        save_steps=1,
        eval_strategy="no",
        load_best_model_at_end=False,
        disable_tqdm=True,
        use_cpu=True,
    )
    options: dict[str, Any] = {"model": model, "args": args, "processing_class": tokenizer}
    if family == "dan":
        rows = [{**tokenizer(text), "labels": place} for place, text in enumerate(TEXTS)]
        trainer: Any = with_sharing(SparseGradientTrainer)(train_dataset=rows, **options)
    else:
        tokens = torch.tensor(tokenizer("".join(TEXTS) * 4)["input_ids"]).numpy()
        trainer = with_sharing(StreamTrainer)(
            train_dataset=ContiguousStreams(tokens, 2, 8), **options
        )
    trainer.train()
    trainer.push_to_hub()
    return [path.name for path in Path(str(args.output_dir)).iterdir()]


def push_data() -> None:
    """A data set of the user's, and one in the place of a corpus that the package knows."""
    Dataset.from_dict({"text": list(TEXTS), "label": [0, 1]}).push_to_hub("ada/texts")
    lines = [" = Title = \n", "", " a line . \n"]
    splits = {name: Dataset.from_dict({"text": lines}) for name in ("train", "validation", "test")}
    DatasetDict(splits).push_to_hub("Salesforce/wikitext", "wikitext-2-v1")


def push_metric() -> None:
    """A metric of the package as a Space of its own."""
    folder = Path(str(hf_lmcourse.metrics.__file__)).parent / "corpus_perplexity"
    api = HfApi()
    api.create_repo("ada/corpus_perplexity", repo_type="space", space_sdk="static")
    api.upload_folder(repo_id="ada/corpus_perplexity", repo_type="space", folder_path=folder)


if __name__ == "__main__":
    report: dict[str, Any] = {"families": push_models(), "revisions": push_revisions()}
    with tempfile.TemporaryDirectory() as place:
        report["trained"] = {
            family: push_by_trainer(family, Path(place)) for family in ("gru", "dan")
        }
    push_data()
    push_metric()
    sys.stdout.write("\n" + json.dumps(report))
