"""Plots of attention have a panel per head, or per layer, and the words on both axes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from hf_lmcourse.inspection.attention_plots import plot_heads, plot_layer_means

from ..drawing import unreadable

TOKENS = ["to", "be", "or", "not"]


def random_weights(*shape: int) -> np.ndarray:
    weights = np.tril(np.random.default_rng(0).random((*shape, 4, 4)))
    return weights / weights.sum(-1, keepdims=True)


def panels(figure: Figure) -> dict[str, np.ndarray]:
    """The picture in each panel by its title, after a check of the words on both axes."""
    found = {}
    for axes in figure.axes:
        if not axes.get_title():
            continue
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            assert [label.get_text() for label in labels] == TOKENS
        found[axes.get_title()] = np.array(axes.images[0].get_array())
    return found


@pytest.mark.parametrize("heads", [1, 3, 4])
def test_every_head_has_its_panel(drawn: list[Figure], heads: int, tmp_path: Path) -> None:
    weights, path = random_weights(heads), tmp_path / "pictures" / "heads.png"
    plot_heads(weights, TOKENS, path, "a title")
    assert path.read_bytes().startswith(b"\x89PNG")
    found = panels(drawn[0])
    assert list(found) == [f"head {head}" for head in range(heads)]
    for head in range(heads):
        assert np.array_equal(found[f"head {head}"], weights[head])
    assert drawn[0].get_suptitle() == "a title"


@pytest.mark.parametrize(
    ("heads", "length", "columns", "every"), [(4, 8, 2, 1), (2, 40, 1, 1), (6, 60, 2, 2)]
)
def test_the_plot_fits_a_page_and_its_tokens_can_be_read(
    heads: int, length: int, columns: int, every: int, drawn: list[Figure], tmp_path: Path
) -> None:
    weights = np.full((heads, length, length), 1 / length)
    tokens = [f"w{n % 10}" for n in range(length)]
    plot_heads(weights, tokens, tmp_path / "heads.png", "a title " * 20)
    (figure,) = drawn
    assert figure.get_figwidth() == 8 and figure.get_figheight() < 40
    assert unreadable(figure) == []
    boxes = [axes.get_position() for axes in figure.axes if axes.images]
    assert len({round(box.x0, 3) for box in boxes}) == columns
    labels = figure.axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == tokens[::every]
    assert all(label.get_fontsize() >= 5.5 for label in labels)


def test_layers_are_averaged_over_heads_and_over_each_other(
    drawn: list[Figure], tmp_path: Path
) -> None:
    weights = random_weights(2, 3)
    plot_layer_means(weights, TOKENS, tmp_path / "means.png", "a title")
    found = panels(drawn[0])
    assert list(found) == ["layer 0", "layer 1", "mean of all layers"]
    assert found["layer 1"] == pytest.approx(weights[1].mean(0))
    assert found["mean of all layers"] == pytest.approx(weights.mean((0, 1)))
