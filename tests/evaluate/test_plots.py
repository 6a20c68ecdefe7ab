"""Plots stand in a page of either colour setting; legends cover nothing; identical lines can be told apart."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib import rc_context

from apsi.evaluate.plots import action_usage, learning_curve, learning_curves, score_by_edit, success_bars
from apsi.evaluate.summary import summarise
from apsi.policy.rollout import EpisodeResult
from apsi.web.page import light_colours
from apsi.web.plots import STYLE, draw_lines, legend_below, new_figure

Results = dict[str, list[EpisodeResult]]
CURVES = {"A: algo=ppo": [(0, 0.1), (10, 0.5)], "B: $1": [(0, 0.1), (10, 0.5)], "C": [(0, 0.2), (10, 0.4)]}


def drawn(results: Results) -> list[str]:
    history = [
        {"timesteps": t, "val_success_rate": t / 10, "val_mean_gain": 0.1, "train_success_rate": 0.2} for t in (1, 5)
    ]
    return [
        success_bars({name: summarise(played) for name, played in results.items()}),
        score_by_edit(results),
        action_usage(results["greedy"]),
        learning_curve(history),
        learning_curves(CURVES, {"C": [(0, 0.1, 0.3), (10, 0.3, 0.5)]}),
    ]


def test_a_plot_has_no_colour_of_its_own_and_says_what_it_shows(results: Results) -> None:
    for text in drawn(results):
        root = ElementTree.fromstring(text)
        assert root.attrib["role"] == "img" and len(root.attrib["aria-label"]) > 20
        assert not re.search(r"(?:fill|stroke): ?#(?!000000)", text.replace("fill: #000000", ""))
        assert set(re.findall(r"var\(--([\w-]+)\)", text)) <= light_colours().keys()
        assert "<style" not in text and "<image" not in text


def test_plots_of_one_page_share_no_id(results: Results) -> None:
    ids = [re.findall(r'\bid="([^"]+)"', text) for text in drawn(results)]
    assert all(ids)
    assert len({each for one in ids for each in one}) == sum(len(set(one)) for one in ids) == sum(map(len, ids))


def test_titles_are_left_to_captions_and_names_begin_where_they_begin(results: Results) -> None:
    text = learning_curves(CURVES)
    words = [element.text or "" for element in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert "A: algo=ppo" in words and "B: $1 (same as A: algo=ppo)" in words
    assert not any("while training" in word for word in words)


def test_identical_lines_differ_in_width_dashes_and_marks() -> None:
    with rc_context(STYLE):
        _, axes = new_figure(3)
        draw_lines(axes, CURVES)
    first, second, other = axes.get_lines()
    assert first.get_linewidth() > second.get_linewidth() == other.get_linewidth()
    for look in ("get_linestyle", "get_marker", "get_color"):
        assert len({getattr(line, look)() for line in (first, second, other)}) == 3


@pytest.mark.parametrize(
    "name", ["agent", "a run with quite a long name, algo=full_q, reward=score_difference, seed=1"]
)
def test_the_legend_is_below_the_axes_and_inside_the_figure(name: str) -> None:
    with rc_context(STYLE):
        figure, axes = new_figure(3.6)
        draw_lines(axes, {f"{name} {i}": [(0, i), (1, i)] for i in range(6)})
        legend_below(figure, axes)
        figure.draw_without_rendering()
    (legend,) = figure.legends
    box, plot = legend.get_window_extent(), axes.get_tightbbox()
    assert plot is not None
    assert box.y1 <= plot.y0 + 1
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 + 1
    assert plot.height > 300  # as high as without a legend


def test_a_policy_that_never_edits_has_no_chart_of_transforms(results: Results) -> None:
    assert action_usage(results["nothing"]) == ""
