"""Every model generates as many tokens, with as many parameters as GPT-2 has."""

import pytest
import torch

from benchmarks import generation, optional
from benchmarks.step_graph import StepGraphSession

TINY = generation.GenerationSetting(
    vocabulary=11, layers=2, heads=2, width=16, positions=32, tokens=4, batches=(1, 3), long=20,
    piece=5,
)  # fmt: skip


@pytest.mark.parametrize("family", generation.FAMILIES)
def test_every_model_generates_as_much_as_gpt2(family: str) -> None:
    prompt = torch.randint(TINY.vocabulary, (3, 2))
    for model in (generation.our_model(TINY, family, 5_000), generation.gpt2_model(TINY)):
        text = generation.generate(model, prompt, 6)
        assert text.shape == (3, 8)
        assert torch.equal(text[:, :2], prompt)


@pytest.mark.parametrize("family", generation.FAMILIES)
def test_no_other_width_has_a_number_of_parameters_nearer_to_that_of_gpt2(family: str) -> None:
    wanted = generation.gpt2_model(generation.GenerationSetting()).num_parameters()
    setting = generation.GenerationSetting()
    model = generation.our_model(setting, family, wanted)
    assert model.num_parameters() == pytest.approx(wanted, rel=0.03)
    width = model.config.hidden_size
    for other in (width - 8, width + 8):
        neighbour = generation.FAMILIES[family](setting, other)
        assert abs(neighbour.num_parameters() - wanted) >= abs(model.num_parameters() - wanted)


@pytest.mark.slow
def test_the_graph_chooses_the_tokens_of_the_model() -> None:
    pytest.importorskip("onnxruntime", reason='pip install ".[onnx]"')
    torch.manual_seed(0)
    model = generation.our_model(TINY, "LSTM", 5_000)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    graph = StepGraphSession(model)
    for batch in (1, 3):
        prompt = torch.randint(TINY.vocabulary, (batch, 4))
        expected = generation.generate(model, prompt, 12)
        assert graph.generate(prompt.numpy(), 12).tolist() == expected.tolist()
        assert len(set(expected.flatten().tolist())) > 3


def test_rows_for_every_family_and_batch_and_for_the_beginning_and_end_of_a_long_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    rows = list(generation.generation(2, TINY))
    assert [list(row.medians) for row in rows] == [["ours", "GPT-2"]] * 8 + [
        ["last 5", "first 5"]
    ] * 2
    assert [row.amount for row in rows[:2]] == [4, 12]
    assert [row.aims["GPT-2"] for row in rows[:2]] == [2.0, 3.0]
    assert all(min(values) > 0 for row in rows for values in row.seconds.values())
    missing = [row.unmeasured for row in rows]
    assert all("onnxruntime" in row["ONNX Runtime, step.onnx"] for row in missing[:8:2])
    assert missing[1:8:2] == [{}] * 4
