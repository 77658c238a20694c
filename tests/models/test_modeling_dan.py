"""The deep averaging network: its equation, padding, dropout, n-grams, vectors, transformers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    TextClassificationPipeline,
)

from hf_lmcourse import DANConfig, DANForSequenceClassification, DANModel
from hf_lmcourse.tokenization import WordPunctuationTokenizer

TINY = {"vocab_size": 11, "embedding_size": 5, "hidden_size": 7, "num_hidden_layers": 2}
NGRAMS = {"ngram_buckets": 13, "max_ngram": 3}
RATIOS = {**NGRAMS, "log_count_ratios": True}


def tiny(**changes: Any) -> DANForSequenceClassification:
    torch.manual_seed(0)
    model = DANForSequenceClassification(DANConfig(**{**TINY, "num_labels": 3, **changes})).eval()
    if model.config.log_count_ratios:
        model.model.word_ratios.uniform_()
        model.model.ngram_ratios.uniform_()
    return model


def texts() -> tuple[Tensor, Tensor]:
    """Three texts, the second without a word."""
    return torch.tensor([1, 2, 3, 2, 10, 4]), torch.tensor([4, 0, 2])


def padded(left: bool = False) -> tuple[Tensor, Tensor]:
    words, lengths = texts()
    ids, mask = torch.zeros(3, 6, dtype=torch.long), torch.zeros(3, 6, dtype=torch.long)
    for row, text in enumerate(words.split(lengths.tolist())):
        place = slice(6 - len(text), None) if left else slice(0, len(text))
        ids[row, place], mask[row, place] = text, 1
    return ids, mask


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_logits_are_those_of_the_equation(layers: int, activation: str) -> None:
    model = tiny(num_hidden_layers=layers, hidden_act=activation).double()
    words, lengths = texts()
    act = {"relu": torch.relu, "tanh": torch.tanh, "gelu": torch.nn.functional.gelu}[activation]
    z = torch.stack(
        [
            model.model.embed_tokens.weight[text].mean(0) if len(text) else torch.zeros(5).double()
            for text in words.split(lengths.tolist())
        ]
    )
    for layer in model.model.layers:
        z = act(z @ layer.weight.T + layer.bias)
    expected = z @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(model(words, lengths=lengths).logits, expected)


def test_ratios_scale_the_vectors() -> None:
    model, plain = tiny(log_count_ratios=True), tiny()
    words, lengths = texts()
    expected = [
        (model.model.word_ratios[text].unsqueeze(-1) * plain.model.embed_tokens.weight[text]).mean(
            0
        )
        for text in words.split(lengths.tolist())
        if len(text)
    ]
    torch.testing.assert_close(model.model.mean(words, lengths)[lengths > 0], torch.stack(expected))


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("exponent", [0, 0.5, 2])
def test_the_sum_is_divided_by_a_power_of_the_number_of_words_and_ngrams(
    exponent: float, distinct: bool
) -> None:
    settings = {**RATIOS, "ngram_buckets": 1009, "distinct_words": distinct}
    words, lengths = texts()
    # 4 words, 3 pairs and 2 triples, of which a word occurs twice; none; 2 words and a pair
    number = torch.tensor([[8.0 if distinct else 9.0], [1.0], [3.0]])
    mean = tiny(**settings).model.mean(words, lengths)
    model = tiny(**settings, length_exponent=exponent).model
    for _ in range(2):
        torch.testing.assert_close(model.mean(words, lengths), mean * number ** (1 - exponent))
        model.embed_tokens.register_forward_hook(lambda *_: None)


def test_word_vectors_in_place_of_ids_are_divided_by_the_same_power() -> None:
    model, (ids, mask) = tiny(length_exponent=0.5), padded()
    given = model(inputs_embeds=model.get_input_embeddings()(ids), attention_mask=mask).logits
    torch.testing.assert_close(given, model(ids, attention_mask=mask).logits)


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
@pytest.mark.parametrize("left", [False, True])
def test_padding_is_never_part_of_the_mean(ngrams: dict[str, int], left: bool) -> None:
    model = tiny(**ngrams)
    words, lengths = texts()
    expected = model(words, lengths=lengths).logits
    ids, mask = padded(left)
    torch.testing.assert_close(model(ids, attention_mask=mask).logits, expected)
    torch.testing.assert_close(model(ids).logits, expected)  # 0 is the padding token
    alone = [model(row[real != 0][None]).logits for row, real in zip(ids, mask, strict=True)]
    torch.testing.assert_close(torch.cat(alone), expected)


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_hooked_embeddings_see_every_position_and_give_the_same(
    ngrams: dict[str, int], distinct: bool, frozen: bool
) -> None:
    words, lengths = texts()
    model = tiny(distinct_words=distinct, freeze_vectors=frozen, **ngrams).double()
    model.model.set_vectors(torch.tensor([2, 4]), torch.ones(2, 5))
    results, seen = [], []
    for _ in range(2):
        logits = model(words, lengths=lengths).logits
        parameters = list(model.parameters())
        results.append((logits, torch.autograd.grad(logits[:, 0].sum(), parameters)))
        model.model.embed_tokens.register_forward_hook(lambda *a: seen.append(a[1][0].shape))
    torch.testing.assert_close(results[0], results[1])
    assert seen == [(3, 4)]  # texts, length of the longest


def test_word_dropout_draws_the_same_words_for_hooked_embeddings() -> None:
    words, lengths = torch.arange(10).repeat(30), torch.tensor([10] * 30)
    model = tiny(word_dropout=0.5).double().train()
    means = []
    for _ in range(2):
        torch.manual_seed(0)
        means.append(model.model.mean(words, lengths))
        model.model.embed_tokens.register_forward_hook(lambda *_: None)
    torch.testing.assert_close(*means)


def test_word_vectors_in_place_of_ids() -> None:
    model = tiny()
    ids, mask = padded(left=True)
    vectors = model.get_input_embeddings()(ids)
    given = model(inputs_embeds=vectors, attention_mask=mask).logits
    torch.testing.assert_close(given, model(ids, attention_mask=mask).logits)
    (gradient,) = torch.autograd.grad(given.sum(), vectors)
    assert torch.equal((gradient != 0).any(-1), mask != 0)
    for arguments in ({}, {"input_ids": ids, "inputs_embeds": vectors}):
        with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
            model(**arguments)
    for settings in (NGRAMS, {"distinct_words": True}, {"log_count_ratios": True}):
        with pytest.raises(ValueError, match="need input_ids"):
            tiny(**settings)(inputs_embeds=vectors)


def test_hidden_states_are_the_mean_and_each_layer() -> None:
    model = tiny()
    words, lengths = texts()
    outputs = model(words, lengths=lengths, output_hidden_states=True)
    mean, *rest = outputs.hidden_states
    torch.testing.assert_close(mean, model.model.mean(words, lengths))
    assert [state.shape for state in rest] == [(3, 7), (3, 7)]
    torch.testing.assert_close(model.classifier(rest[-1]), outputs.logits)
    assert model(words, lengths=lengths).hidden_states is None


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
def test_torch_exports_it_for_any_size(ngrams: dict[str, int]) -> None:
    model = tiny(**ngrams)
    ids, mask = padded()
    sizes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("length", min=4)}
    program = torch.export.export(
        *(model, ()),
        {"input_ids": ids, "attention_mask": mask},
        dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
        strict=False,
    ).module()
    for more in (ids, ids[:2].repeat(1, 2)):
        real = (more != 0).long()
        expected = model(more, attention_mask=real).logits
        found = program(input_ids=more, attention_mask=real).logits
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
def test_a_distinct_word_counts_once(ngrams: dict[str, int]) -> None:
    model, often = tiny(distinct_words=True, **ngrams), torch.tensor([[2, 2, 2, 2, 1, 2, 2, 1]])
    if ngrams:  # the same pairs and triples, of other numbers
        torch.testing.assert_close(model(often).logits, model(often[:, 1:]).logits)
    else:
        torch.testing.assert_close(model(often).logits, model(torch.tensor([[1, 2]])).logits)
    counting = tiny(**ngrams)
    assert not torch.allclose(counting(often).logits, counting(often[:, 1:]).logits)


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
@pytest.mark.parametrize("word_dropout", [0.0, 0.5])
def test_sparse_gradients_are_the_dense_ones(ngrams: dict[str, int], word_dropout: float) -> None:
    words, lengths = texts()
    gradients = []
    for sparse in (False, True):
        model = tiny(sparse_gradients=sparse, word_dropout=word_dropout, **ngrams).train()
        torch.manual_seed(1)
        model(words, lengths=lengths, labels=torch.tensor([0, 1, 2])).loss.backward()
        tables = [model.model.embed_tokens] + ([model.model.embed_ngrams] if ngrams else [])
        grads: list[Any] = [table.weight.grad for table in tables]
        assert all(gradient.is_sparse == sparse for gradient in grads)
        gradients.append([gradient.to_dense() for gradient in grads])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("setting", ["word_dropout", "hidden_dropout"])
def test_dropout_is_for_training_only(setting: str) -> None:
    model, (words, lengths) = tiny(**{"word_dropout": 0.0, setting: 0.5}), texts()
    torch.testing.assert_close(
        model(words, lengths=lengths).logits, model(words, lengths=lengths).logits
    )
    model.train()
    first, *others = (model(words, lengths=lengths).logits for _ in range(10))
    assert any(not torch.equal(first, other) for other in others)


def test_the_order_of_words_matters_to_ngrams_only() -> None:
    turned = torch.tensor([[3, 2, 1]])
    words = tiny()
    torch.testing.assert_close(words(turned).logits, words(turned.flip(1)).logits)
    ngrams = tiny(**NGRAMS)
    assert not torch.allclose(ngrams(turned).logits, ngrams(turned.flip(1)).logits)


@pytest.mark.parametrize(
    ("problem_type", "labels"),
    [
        ("single_label_classification", torch.tensor([0, 2, 1])),
        ("multi_label_classification", torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 0]])),
        ("regression", torch.tensor([[0.5, 1, 2], [0.0, 3, 1], [1.0, 1, 1]])),
    ],
)
def test_the_loss_is_the_hosts(problem_type: str, labels: Tensor) -> None:
    model, (words, lengths) = tiny(problem_type=problem_type), texts()
    outputs = model(words, lengths=lengths, labels=labels)
    losses: dict[str, Any] = {
        "single_label_classification": torch.nn.CrossEntropyLoss(),
        "multi_label_classification": torch.nn.BCEWithLogitsLoss(),
        "regression": torch.nn.MSELoss(),
    }
    torch.testing.assert_close(outputs.loss, losses[problem_type](outputs.logits, labels))


def test_vectors_from_a_file_can_be_frozen_and_the_others_are_trained() -> None:
    model = tiny(freeze_vectors=True)
    model.model.set_vectors(torch.tensor([2, 4]), torch.ones(2, 5))
    words, lengths = texts()
    model(words, lengths=lengths, labels=torch.tensor([0, 1, 2])).loss.backward()
    trained = model.model.embed_tokens.weight.grad.abs().sum(-1) > 0
    assert trained.nonzero().squeeze(-1).tolist() == [1, 3, 10]
    assert model.model.embed_tokens.weight[4].tolist() == [1] * 5


@pytest.mark.parametrize("ngrams", [{}, NGRAMS, RATIOS], ids=["words", "ngrams", "ratios"])
def test_a_saved_model_is_the_same(ngrams: dict[str, int], tmp_path: Path) -> None:
    model = tiny(**ngrams)
    model.model.set_vectors(torch.tensor([3]), torch.ones(1, 5))
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(loaded) is DANForSequenceClassification
    for (name, before), after in zip(
        model.state_dict().items(), loaded.state_dict().values(), strict=True
    ):
        assert torch.equal(before, after), name
    body = AutoModel.from_pretrained(tmp_path)
    assert type(body) is DANModel
    words, lengths = texts()
    hidden = body(words, lengths=lengths).last_hidden_state
    torch.testing.assert_close(model.classifier(hidden), loaded(words, lengths=lengths).logits)


@pytest.mark.parametrize("words", [8, 14])
@pytest.mark.parametrize("settings", [{}, {"freeze_vectors": True}, RATIOS], ids=str)
def test_a_vocabulary_can_grow_and_shrink(
    words: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    model = tiny(**settings)
    kept = torch.arange(min(words, TINY["vocab_size"])).unsqueeze(0)
    before = model(kept).logits
    model.resize_token_embeddings(words)
    torch.testing.assert_close(model(kept).logits, before)
    model.save_pretrained(tmp_path)
    loaded = DANForSequenceClassification.from_pretrained(tmp_path)
    every = torch.arange(words).unsqueeze(0)
    torch.testing.assert_close(loaded(every).logits, model(every).logits)


def test_without_a_padding_token_every_token_is_a_word() -> None:
    model, ids = tiny(pad_token_id=None), torch.tensor([[0, 3, 0]])
    mask = torch.ones_like(ids)
    torch.testing.assert_close(model(ids).logits, model(ids, attention_mask=mask).logits)


def test_in_bfloat16_a_frequent_word_counts_as_often_as_it_occurs() -> None:
    ids = torch.tensor([400 * [1] + 400 * [2]])
    exact, rounded = tiny(), tiny().bfloat16()
    torch.testing.assert_close(
        rounded.model(ids).last_hidden_state.float(),
        exact.model(ids).last_hidden_state,
        rtol=0.05,
        atol=1e-3,
    )


def test_a_batch_of_texts_is_memorised() -> None:
    model, (words, lengths) = tiny(hidden_size=20, word_dropout=0.0).train(), texts()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(100):
        loss = model(words, lengths=lengths, labels=torch.tensor([0, 1, 2])).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


def test_the_pipeline_names_the_class() -> None:
    tokenizer = WordPunctuationTokenizer.train(["a fine film", "a dull film ."])
    model = tiny(vocab_size=len(tokenizer), num_labels=2, id2label={0: "bad", 1: "good"})
    classify = TextClassificationPipeline(model=model, tokenizer=tokenizer)
    texts = ["a fine film", "dull", ""]
    for text, found in zip(texts, classify(texts, batch_size=3), strict=True):
        logits = model(**tokenizer(text, return_tensors="pt").to(torch.long)).logits
        assert found["label"] == model.config.id2label[int(logits.argmax())]
        assert found["score"] == pytest.approx(logits.softmax(-1).max().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_size": 0}, "embedding_size must be at least 1"),
        ({"num_hidden_layers": -1}, "num_hidden_layers must be at least 0"),
        ({"max_ngram": 1}, "max_ngram must be at least 2"),
        ({"word_dropout": 1.0}, "word_dropout must be at least 0 and below 1"),
        ({"length_exponent": -0.5}, "length_exponent must be at least 0"),
        ({"ratio_smoothing": 0}, "ratio_smoothing must be above 0"),
        ({"naive_bayes_start": 0.1, "log_count_ratios": True}, "num_hidden_layers 0"),
        ({"naive_bayes_start": 0.1, "num_hidden_layers": 0}, "needs log_count_ratios"),
        ({"balance_classes": True, "problem_type": "regression"}, "not for regression"),
        ({"hidden_act": "step"}, "'step' is none of transformers' activations"),
    ],
)
def test_bad_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        DANConfig(**{**TINY, **changes})
