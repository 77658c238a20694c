"""Both sides of a benchmark do the same work, and the results are computed from their times."""

import importlib
import json
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

import benchmark
from benchmarks import dan_epoch, recurrent_layers, startup, timing
from benchmarks.processor import precisions
from benchmarks.ratios import Ratio
from benchmarks.records import load_benchmarks
from benchmarks.timing import Comparison, Side, compare
from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.data.ragged import ragged_batch
from hf_lmcourse.kernels import build
from hf_lmcourse.report import results

SLOWER = Comparison("a", "b", {"ours": [1.0, 1.0], "theirs": [1.5, 2.5]})


def test_the_sides_take_turns_in_either_order_after_a_warm_up() -> None:
    done: list[str] = []
    sides = [Side(name, partial(done.append, name)) for name in ("ours", "theirs")]
    found = compare("nothing", "1", sides, repeats=3, least_seconds=0.0)
    turns = ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert done == ["ours", "ours", "theirs", "theirs", *turns]
    assert {side: len(values) for side, values in found.seconds.items()} == {"ours": 3, "theirs": 3}
    done.clear()
    compare("nothing", "1", sides, repeats=1, warm_up=False)
    assert done == ["ours", "theirs"]
    with pytest.raises(ValueError, match="needs a side"):
        compare("nothing", "1", [])


def test_a_side_does_as_many_steps_as_last_the_duration_of_a_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, done = [0.0], []

    def lasting(seconds: float) -> None:
        now[0] += seconds
        done.append(seconds)

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    sides = [Side("ours", partial(lasting, 0.02)), Side("theirs", partial(lasting, 0.2))]
    found = compare("steps", "1", sides, repeats=1, least_seconds=0.1)
    assert done == [0.02] * 2 + [0.2] * 2 + [0.02] * 5 + [0.2]
    assert found.medians == pytest.approx({"ours": 0.02, "theirs": 0.2})


def test_every_side_has_the_threads_that_torch_had_before() -> None:
    before, seen = torch.get_num_threads(), []

    def greedy() -> None:
        seen.append(torch.get_num_threads())
        torch.set_num_threads(before + 1)

    sides = [Side("ours", greedy), Side("theirs", lambda: seen.append(torch.get_num_threads()))]
    try:
        compare("threads", "1", sides, repeats=3, warm_up=False)
        assert seen == [before] * 6 and torch.get_num_threads() == before
    finally:
        torch.set_num_threads(before)


def test_a_fixed_loop_is_timed_around_every_repeat() -> None:
    sides = [Side(name, lambda: None) for name in ("ours", "theirs")]
    found = compare("nothing", "1", sides, repeats=3, least_seconds=0.0)
    assert len(found.clock) == 3 * 2 + 1 and min(found.clock) > 0
    steady = replace(found, clock=[1.0, 1.0, 1.25])
    assert steady.clock_spread == 0.25 and replace(found, clock=[]).clock_spread is None


def test_a_ratio_above_one_means_that_ours_is_faster() -> None:
    found = Comparison("a", "b", {"ours": [1.0, 2.0, 9.0], "theirs": [3.0, 5.0, 13.5]})
    assert found.medians == {"ours": 2.0, "theirs": 5.0}
    assert found.ratios == {"theirs": Ratio(2.5, 1.5, 3.0)}
    assert found.spread == {"ours": 4.0, "theirs": 2.1}
    assert found.as_dict()["seconds"]["ours"] == [1.0, 2.0, 9.0]
    assert found.as_dict()["ratios"]["theirs"] == {"median": 2.5, "low": 1.5, "high": 3.0}
    assert found.rates == {}
    assert replace(found, amount=6, unit="tokens").rates == {"ours": 3.0, "theirs": 1.2}


def test_a_comparison_survives_its_file() -> None:
    found = Comparison("a", "b", {"ours": [1.0]}, 3, "tokens", "length", 8.0, {}, {"ours": 5})
    found = replace(found, clock=[0.1, 0.2], unmeasured={"theirs": "not installed"})
    assert Comparison.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert Comparison.from_dict({"name": "a", "setting": "b", "seconds": {}}).size is None


def test_the_padded_network_computes_what_ours_does() -> None:
    data = dan_epoch.random_texts(4)
    rows = [data[i] for i in range(4)]
    padded = dan_epoch.PaddedDAN()
    config = DANConfig(
        vocab_size=dan_epoch.VOCABULARY,
        embedding_size=dan_epoch.WIDTH,
        hidden_size=dan_epoch.WIDTH,
        num_labels=2,
    )
    ours = DANForSequenceClassification(config).eval()
    with torch.no_grad():
        padded.embedding.weight.copy_(ours.model.embed_tokens.weight)
        for theirs, layer in zip(padded.layers[::2], ours.model.layers, strict=True):
            theirs.load_state_dict(layer.state_dict())
        padded.classifier.load_state_dict(ours.classifier.state_dict())
    ids = pad_sequence([torch.from_numpy(row["input_ids"]) for row in rows], True)
    torch.testing.assert_close(padded(ids), ours(**ragged_batch(rows)).logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_a_layer_without_a_kernel_computes_what_it_does_with_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    ours = recurrent_layers._LAYERS[name][0](5, 6)
    x = torch.randn(2, 9, 5)
    run, module = recurrent_layers._uncompiled(ours)
    assert module is ours
    compiled = ours(x)[0]
    asked: list[str] = []
    monkeypatch.setattr(build, "kernel", asked.append)
    torch.testing.assert_close(run(x), compiled, rtol=1e-5, atol=1e-6)
    assert not asked, "the kernels are not asked for"


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Elman"])
def test_the_loop_over_cells_computes_what_the_library_does(name: str) -> None:
    torch.manual_seed(0)
    _, library, cell = recurrent_layers._LAYERS[name]
    whole, step = library(5, 5, batch_first=True), cell(5, 5)
    step.load_state_dict({k.removesuffix("_l0"): v for k, v in whole.state_dict().items()})
    run, module = recurrent_layers._loop(step)
    x = torch.randn(2, 4, 5)
    assert module is step
    torch.testing.assert_close(run(x), whole(x)[0])


def test_start_up_is_timed_in_fresh_processes_that_do_what_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = startup.run_python("import hf_lmcourse; print(hf_lmcourse.__name__)")
    assert printed == "hf_lmcourse\n"
    with pytest.raises(subprocess.CalledProcessError):
        startup.run_python("import hf_lmcourse; hf_lmcourse.Nothing")
    scripts = {"ours": "import hf_lmcourse", "Python alone": ""}
    monkeypatch.setattr(startup, "_CASES", {"import": scripts})
    (found,) = startup.startup(repeats=2)
    assert {side: len(values) for side, values in found.seconds.items()} == dict.fromkeys(
        scripts, 2
    )


@pytest.fixture
def xeon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks run on a certain processor."""
    details = {"family": 6, "model": 143, "instructions": ["amx_bf16", "avx2"]}
    monkeypatch.setattr(benchmark, "processor_details", lambda: details)
    for module in (benchmark, results):
        monkeypatch.setattr(module, "device_name", lambda *_: "Intel(R) Xeon(R) Processor")


@pytest.mark.usefixtures("xeon")
def test_the_command_prints_and_writes_every_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurrent_layers, "SHAPES", ((2, 1, 3),))
    threads = torch.get_num_threads()
    words = ["recurrent_layers", "--repeats", "1", "--threads", "1"]
    try:
        assert benchmark.main([*words, "--results_dir", str(tmp_path)]) == 0
    finally:
        torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Intel Xeon 6/143, AMX, 1 threads; medians of 1"
    (path,) = tmp_path.iterdir()
    assert path.name == "benchmark_recurrent_layers.intel_xeon_6_143_amx.json"
    record = json.loads(path.read_text())
    assert len(record["points"]) == len(lines) - 1 == 3 * 2 * len(precisions())
    assert record["threads"] == 1
    assert all(set(point["ratios"]) for point in record["points"])
    assert record["name"] == "benchmark_recurrent_layers"
    assert record["command"].startswith("python scripts/benchmark.py recurrent_layers --repeats 1")
    assert record["processor"]["model"] == 143


@pytest.mark.usefixtures("xeon")
def test_a_measurement_leaves_that_of_another_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "_run", lambda name, repeats: [SLOWER])
    words = ["limits", "--results_dir", str(tmp_path)]
    assert benchmark.main(words) == 0
    details = {"family": 6, "model": 106, "instructions": ["avx512f"]}
    monkeypatch.setattr(benchmark, "processor_details", lambda: details)
    assert benchmark.main(words) == benchmark.main(words) == 0
    found = [(record.name, record.processor) for record in load_benchmarks(tmp_path)]
    assert found == [("limits", "Intel Xeon 6/106, AVX-512"), ("limits", "Intel Xeon 6/143, AMX")]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (SLOWER, "(2.00 [1.50, 2.50] times the first)"),
        (replace(SLOWER, seconds={"ours": [1.0, 1.0], "theirs": [0.9, 1.2]}), "1.20] a tie)"),
        (replace(SLOWER, unmeasured={"another": "not installed"}), "another: not installed"),
        (replace(SLOWER, clock=[1.0, 1.25]), "fixed loop 22%"),
    ],
)
def test_a_line_says_ratio_tie_what_is_missing_and_how_steady_the_machine_was(
    comparison: Comparison, expected: str
) -> None:
    assert expected in benchmark._line(comparison)


def test_bad_arguments_of_the_command_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["dan_epoch", "--repeats", "0"], ["nothing"]):
        with pytest.raises(SystemExit, match="2"):
            benchmark.main(words)
    assert "--repeats must be at least 1" in capsys.readouterr().err


def test_a_module_and_a_function_of_it_bear_the_name_of_each_benchmark() -> None:
    for name in benchmark.BENCHMARKS:
        assert callable(getattr(importlib.import_module(f"benchmarks.{name}"), name))
