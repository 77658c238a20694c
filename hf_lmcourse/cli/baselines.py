"""`lmcourse baselines`: train linear classifiers on labelled texts, to compare a network with."""

import argparse
from pathlib import Path

from ..data.labelled import LabelledCorpus, check_classes, load_labelled_corpus
from ..errors import LmcourseError
from ..evaluation.linear_baselines import BASELINES, BaselineScore, score_baseline
from ..report.files import check_writable
from ..report.results import RunResult, provenance
from .seeds import check_seed


def run(arguments: list[str]) -> int:
    """Train each baseline, print its accuracy, and write one result file each if asked to."""
    options = _parser().parse_args(arguments)
    check_seed(options.seed)
    if options.results_dir:
        check_writable(options.results_dir, "--results_dir")
    corpus = load_labelled_corpus(
        options.data,
        options.data_dir,
        text_column=options.text_column,
        label_column=options.label_column,
    )
    if len(corpus.label_names) != 2:
        raise LmcourseError(
            f"{corpus.name} has {len(corpus.label_names)} classes; the baselines are for two"
        )
    check_classes(corpus)
    for name in BASELINES:
        score = score_baseline(name, corpus, options.seed)
        accuracy = ", ".join(f"{split} {value:.2%}" for split, value in score.accuracy.items())
        print(f"{name}: {accuracy} (C = {score.strength:g}, {score.seconds:.0f} s)")
        if options.results_dir:
            command = ["lmcourse", "baselines", *arguments]
            result = _result(name, corpus, score, command, options.seed)
            result.save(Path(options.results_dir, f"{result.name}.json"))
    return 0


def _result(
    name: str, corpus: LabelledCorpus, score: BaselineScore, command: list[str], seed: int
) -> RunResult:
    about = provenance(command) | {"threads": 1}  # scikit-learn's linear models use one
    return RunResult(
        name=f"{name}_{corpus.name}",
        model_type=name,
        corpus=corpus.name,
        config="",
        metrics={
            split: {"accuracy": value, "texts": len(corpus.splits[split])}
            for split, value in score.accuracy.items()
        },
        parameters=score.parameters,
        seed=seed,
        epochs=0.0,
        wall_time_seconds=round(score.seconds, 1),
        **about,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse baselines", description=__doc__)
    add = parser.add_argument
    add("--data", required=True, help="Name or path of a labelled corpus.")
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--text_column", default="text", help="Column of the texts (text).")
    add("--label_column", default="label", help="Column of the labels (label).")
    add("--seed", type=int, default=42, help="Seed of the optimiser (42).")
    add("--results_dir", help="Folder for one result file per baseline.")
    return parser
