"""Two machines, each simulated by a launcher of its own: what they share is a port."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..ports import free_port

RECIPE = """\
model: {{model_type: lmcourse_lstm, embedding_size: 6, hidden_size: 8}}
data: {{corpus: {corpus}, block_length: 8}}
training:
  learning_rate: 1e-2
  max_steps: 6
  per_device_train_batch_size: 2
  per_device_eval_batch_size: 2
  sample_length: 0
  use_cpu: true
"""


def launch(folder: Path, nodes: int, processes: int) -> list[subprocess.Popen[str]]:
    """Start a launcher for each node, with a cache and a run folder of its own."""
    port, started = free_port(), []
    for node in range(nodes):
        command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", str(nodes)]
        command += ["--nproc-per-node", str(processes), "--node-rank", str(node)]
        command += ["--master-addr", "127.0.0.1", "--master-port", str(port)]
        command += ["-m", "hf_lmcourse.cli.main", "train", str(folder.parent / "lstm.yaml")]
        command += ["--output_dir", str(folder / f"node{node}")]
        cache = {"LMCOURSE_CACHE": str(folder / f"cache{node}"), "OMP_NUM_THREADS": "1"}
        started.append(
            subprocess.Popen(
                command,
                env=os.environ | cache,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return started


@pytest.mark.slow
def test_two_nodes_train_as_two_processes_of_one_do_and_each_tokenizes_for_itself(
    tmp_path: Path,
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{n * n} of the text\n" for n in range(60)))
    (tmp_path / "lstm.yaml").write_text(RECIPE.format(corpus=text))
    one, two = tmp_path / "one", tmp_path / "two"
    for process in [*launch(one, 1, 2), *launch(two, 2, 1)]:
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output[-3000:]
    weights = [(folder / "node0" / "model.safetensors").read_bytes() for folder in (one, two)]
    assert weights[0] == weights[1]
    assert not (two / "node1" / "model.safetensors").exists()
    texts = [{path.name for path in (two / f"cache{node}").glob("*.npy")} for node in (0, 1)]
    assert texts[0] == texts[1] and len(texts[0]) >= 2
