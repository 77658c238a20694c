"""`lmcourse baselines`: linear classifiers on labelled texts, to compare a network with."""

import argparse
import shlex
from pathlib import Path

from ..data.labelled import LabelledCorpus, load_labelled_corpus
from ..errors import LmcourseError
from ..evaluation.linear_baselines import BASELINES, BaselineScore, score_baseline
from ..report.redact import make_shareable
from ..report.results import RunResult, device_name, environment_versions, git_commit

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Fit each baseline, print its accuracy, and write a result file for each where asked to.

    Args:
        arguments: see `lmcourse baselines --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
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
    for name in BASELINES:
        score = score_baseline(name, corpus, options.seed)
        figures = ", ".join(f"{split} {value:.2%}" for split, value in score.accuracy.items())
        print(f"{name}: {figures} (C = {score.strength:g}, {score.seconds:.0f} s)")
        if options.results_dir:
            result = _result(name, corpus, score, ["lmcourse", "baselines", *arguments], options)
            result.save(Path(options.results_dir, f"{result.name}.json"))
    return 0


def _result(
    name: str,
    corpus: LabelledCorpus,
    score: BaselineScore,
    command: list[str],
    options: argparse.Namespace,
) -> RunResult:
    return RunResult(
        name=f"{name}_{corpus.name}",
        model_type=name,
        corpus=corpus.name,
        config="",
        command=make_shareable(shlex.join(command)),
        metrics={
            split: {"accuracy": value, "texts": len(corpus.splits[split])}
            for split, value in score.accuracy.items()
        },
        parameters=score.parameters,
        seed=options.seed,
        epochs=0.0,
        wall_time_seconds=round(score.seconds, 1),
        device=device_name(),
        threads=1,  # scikit-learn's linear models run on one
        versions=environment_versions(),
        commit=git_commit(),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse baselines", description=__doc__)
    parser.add_argument("--data", required=True, help="name of a labelled corpus, or path of one")
    parser.add_argument("--data_dir", help="folder of local corpora (environment: LMCOURSE_DATA)")
    parser.add_argument("--text_column", default="text", help="of a table of your own (text)")
    parser.add_argument("--label_column", default="label", help="of a table of your own (label)")
    parser.add_argument("--seed", type=int, default=42, help="of the optimiser (42)")
    parser.add_argument("--results_dir", help="folder that gets a result file of each")
    return parser
