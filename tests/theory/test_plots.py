"""The plots of the theory show formulas and simulations."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from hf_lmcourse.theory import plots
from hf_lmcourse.theory.checks import attention_scaling
from hf_lmcourse.theory.items import ITEMS


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_DRAWS", 500)
    monkeypatch.setattr(attention_scaling, "_DRAWS", 50)


def test_one_head_varies_and_two_do_not(drawn: list[Figure], tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.png"
    plots.plot_noisy_keys(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    left, right = drawn[0].axes
    heights = [[bar.get_height() for bar in bars.patches] for bars in left.containers]
    one, two = (np.array(h) for h in heights)
    assert one.sum() == pytest.approx(1) and two.sum() == pytest.approx(1)
    assert one[[0, -1]].sum() > 0.7 and two[10] > 0.7
    assert {str(line.get_label())[:7].strip(",") for line in right.lines} >= {"1 head", "2 heads"}
    for axes in drawn[0].axes:
        assert axes.get_xlabel() and axes.get_ylabel() and axes.get_legend()


def test_simulated_markers_lie_on_the_lines(drawn: list[Figure], tmp_path: Path) -> None:
    plots.plot_noisy_keys(tmp_path / "keys.png")
    lines = drawn[0].axes[1].lines
    for formula, simulated in zip(lines[0:4:2], lines[1:4:2], strict=True):
        expected = np.asarray(formula.get_ydata())[::5]
        np.testing.assert_allclose(np.asarray(simulated.get_ydata()), expected, rtol=0.5)


def test_the_division_keeps_variance_and_entropy_level(drawn: list[Figure], tmp_path: Path) -> None:
    plots.plot_attention_scaling(tmp_path / "scaling.png")
    variance, entropy, gradient = drawn[0].axes
    curves = {str(line.get_label()): np.asarray(line.get_ydata()) for line in variance.lines}
    assert curves["logits q.k"][-1] > 100 * curves["logits q.k"][0]
    np.testing.assert_allclose(curves["logits q.k / sqrt d"], 1, atol=0.5)
    assert entropy.get_ylabel() == "nats" and gradient.get_yscale() == "log"


def test_the_output_layer_dominates_and_the_others_are_cheaper(
    drawn: list[Figure], tmp_path: Path
) -> None:
    plots.plot_softmax_cost(tmp_path / "cost.png")
    share, cost = drawn[0].axes
    heights = np.asarray(share.lines[0].get_ydata())
    assert (np.diff(heights) > 0).all() and heights[-1] > 0.999
    full, adaptive, sampled = (np.asarray(line.get_ydata()) for line in cost.lines)
    sizes = np.asarray(cost.lines[0].get_xdata())
    np.testing.assert_allclose(full, 128 * sizes)
    assert (adaptive < full).all() and (sampled < full).all() and sampled[-1] < adaptive[-1]


@pytest.mark.parametrize("name", list(plots.PLOTS))
def test_lines_differ_without_colour_and_legends_cover_none(
    name: str, drawn: list[Figure], tmp_path: Path
) -> None:
    plots.PLOTS[name](tmp_path / "plot.png")
    (figure,) = drawn
    assert figure.get_figwidth() == 8
    for axes in figure.axes:
        looks = [
            (line.get_marker(), line.get_linestyle()) for line in axes.lines if line.get_label()
        ]
        named = [look for look in looks if look != ("None", ":")]
        assert len(set(named)) == len(named)
        legend = axes.get_legend()
        assert legend is not None
        assert legend.get_window_extent().x0 >= axes.get_window_extent().x1
        assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_every_plot_belongs_to_an_item() -> None:
    assert set(plots.PLOTS) <= set(ITEMS)
