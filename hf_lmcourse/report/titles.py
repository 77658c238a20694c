"""What a plot calls settings, metrics and corpora: words in place of their names in files."""

from pathlib import PurePath

from .redact import redacted

_SETTINGS = {
    "bf16": "bfloat16",
    "hidden_act": "activation function",
    "lr_scheduler_type": "learning rate schedule",
    "max_grad_norm": "largest gradient norm",
    "max_steps": "number of steps",
    "min_frequency": "smallest frequency",
    "num_sampled": "number of sampled words",
    "num_train_epochs": "number of epochs",
    "optim": "optimizer",
    "per_device_train_batch_size": "batch size",
    "warmup_steps": "number of warm-up steps",
}

_METRICS = {
    "bits_per_character_spelled": "bits per character, unknown words spelled",
    "cross_entropy": "cross-entropy",
    "log_probability_rank": "rank of the log-probabilities",
    "nats_per_token": "loss in nats per token",
}

_CORPORA = {
    "imdb": "IMDB",
    "ptb": "PTB",
    "rotten_tomatoes": "Rotten Tomatoes",
    "sst2": "SST-2",
    "tiny_shakespeare": "tiny Shakespeare",
    "toy_reviews": "toy reviews",
    "wikitext-2": "WikiText-2",
    "wikitext-103": "WikiText-103",
}


def setting_title(name: str) -> str:
    """Return a setting in words, such as "number of attention heads"."""
    words = name.replace("_", " ")
    counted = f"number of {words.removeprefix('num ')}"
    return _SETTINGS.get(name, counted if words.startswith("num ") else words)


def metric_title(name: str) -> str:
    """Return a metric in words."""
    return _METRICS.get(name, name.replace("_", " "))


def corpus_title(name: str) -> str:
    """Return the name of a corpus for readers; of a user's own file, the last part of its path."""
    return _CORPORA.get(name) or PurePath(redacted(name)).name


def capitalised(text: str) -> str:
    """Begin a text with a capital letter, and leave the others as they are."""
    return text[:1].upper() + text[1:]
