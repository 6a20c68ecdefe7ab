"""Each thing that commonly goes wrong is found where it is made to happen, and not where all is well."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from apsi.evaluate.diagnosis import LOOKS, Seen, diagnose
from apsi.evaluate.measure import SECOND
from apsi.photo.prepared import Episode
from apsi.policy.agent import Agent
from apsi.policy.greedy import Greedy
from apsi.policy.nothing import Nothing
from apsi.policy.random import Random
from apsi.policy.rollout import EpisodeResult

KINDS = {"agent": Agent, "greedy": Greedy, "nothing": Nothing, "random": Random}
CONFIG = {
    "dataset": {"enlarge": {"train": 8}},
    "algo": {"ent_coef": 0.01, "batch_size": 64, "optimizer": {"learning_rate": 0.001}},
    "env": {"stop": True},
    "reward": {"step_penalty": 0.01},
    "train": {"total_timesteps": 1000},
}
FLAWS = ("swap_rb", "invert_r", "invert_g", "shift_r_40")


def played(
    number: int, actions: Sequence[str], gain: float, second: tuple[float, float] | None = None
) -> EpisodeResult:
    """An episode of a photo of its own."""
    place = Path(f"{number}.png")
    episode = Episode(place, place, place.name, f"hash{number}", (FLAWS[number % len(FLAWS)],), 4.0, 6.0)
    measures = {} if second is None else {SECOND: second}
    return EpisodeResult(
        episode, tuple(actions), 4 + gain, gain >= 2, len(actions) + 1, 0, (), (4.0, 4 + gain), measures
    )


def well() -> list[EpisodeResult]:
    """Each photo gets what its flaw asks for, four of five with success."""
    return [played(i, [FLAWS[i % len(FLAWS)]], 0.5 if i % 5 == 0 else 2.0, (5.0, 5.5)) for i in range(40)]


def still(gain: float = 0.0) -> list[EpisodeResult]:
    return [played(i, [], gain) for i in range(40)]


def curve(
    figures: Sequence[float], losses: Sequence[float] | None = None, trained: float = 0.8
) -> list[dict[str, Any]]:
    losses = losses or [1 / (1 + i) for i in range(len(figures))]
    return [
        {"timesteps": 100 * i, "val_success_rate": figure, "train_success_rate": trained, "train_loss": loss}
        for i, (figure, loss) in enumerate(zip(figures, losses, strict=True), 1)
    ]


RISING = [0.1, 0.3, 0.5, 0.65, 0.75, 0.8, 0.8, 0.8, 0.8]


def seen(agent: Sequence[EpisodeResult] | None = None, history: Sequence[dict[str, Any]] | None = None) -> Seen:
    agent = well() if agent is None else agent
    results = {"agent": agent, "greedy": well(), "nothing": still(), "random": still(-0.5)}
    history = curve(RISING) if history is None else history
    return Seen(agent, results, KINDS, history, "success_rate", OmegaConf.create(CONFIG))


def names(of: Seen) -> list[str]:
    return [finding.name for finding in diagnose(of)]


def test_nothing_is_found_where_all_is_well() -> None:
    assert diagnose(seen()) == []


@pytest.mark.parametrize(
    ("of", "name", "figure", "helps"),
    [
        (
            seen([played(i, ["invert_r"], 2.0) for i in range(40)]),
            "The agent always chooses the same edit",
            "invert_r is 100 % of its 40 edits, of photos with 4 different degradations",
            "algo.ent_coef=0.03",
        ),
        (
            seen([played(i, [] if i % 2 else [FLAWS[i % 4]], 0.0 if i % 2 else 2.0) for i in range(40)]),
            "The agent stops at once",
            "left 20 of the 20 photos as they were in which it did not succeed; greedy succeeded in 16 of these",
            "env.stop=false",
        ),
        (
            seen(history=curve([0.3, 0.2, 0.3, 0.3, 0.2, 0.3], [1.0, 0.9, 1.1, 1.0, 1.0, 1.2], trained=0.3)),
            "Nothing was learned: the loss has not fallen",
            "first third of training 0.95, of the last 1.1",
            "algo.optimizer.learning_rate=0.000333",
        ),
        (
            seen(history=curve([0.1, 0.3, 0.4, 0.4, 0.4, 0.4], trained=0.9)),
            "Worse on unseen photos than on those it was trained on",
            "end of training 0.90, on the validation split 0.40",
            "dataset.enlarge.train=16",
        ),
        (
            seen(history=curve([0.5, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5], trained=0.5)),
            "It got worse again after its best",
            "0.80 after 200 steps, and 0.50 at the end",
            "train.total_timesteps=200",
        ),
        (
            seen(history=curve([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
            "It was still getting better when training ended",
            "0.150, 0.350, 0.550",
            "train.total_timesteps=2000",
        ),
        (
            seen([played(i, [FLAWS[i % 4]], 0.1 * (-1) ** i) for i in range(40)]),
            "No better than leaving photos alone",
            "above that of policy=nothing",
            "train.total_timesteps=4000",
        ),
        (
            seen([replace(one, measures={SECOND: (5.0, 4.0)}) for one in well()]),
            "Another juror finds the photos worse",
            "that of second_juror changed by -1.00",
            "juror=mix",
        ),
    ],
)
def test_what_goes_wrong_is_named_with_its_figure_and_a_setting_that_helps(
    of: Seen, name: str, figure: str, helps: str
) -> None:
    findings = {finding.name: finding for finding in diagnose(of)}
    assert name in findings
    assert figure in findings[name].seen
    assert any(said.startswith(helps) or helps in said for said in findings[name].helps)


def test_settings_that_a_run_does_not_have_are_not_advised() -> None:
    bare = replace(seen([played(i, ["invert_r"], 2.0) for i in range(40)]), config=OmegaConf.create({"train": {}}))
    (finding,) = diagnose(bare)
    assert finding.helps == ()


def test_an_agent_that_rightly_leaves_photos_alone_does_not_stop_too_early() -> None:
    nobody = {"agent": still(), "greedy": still(), "nothing": still()}
    of = replace(seen(still()), results=nobody)
    assert "The agent stops at once" not in names(of)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_episodes_and_validations_say_nothing(count: int) -> None:
    agent = [played(i, ["invert_r"], 0.0) for i in range(count)]
    of = replace(seen(agent, curve([0.3] * count, trained=0.3)), results={"agent": agent, "nothing": still()[:count]})
    assert diagnose(of) == []


@pytest.mark.parametrize("count", [2, 5, 40])
def test_an_agent_that_does_nothing_at_all_is_told_of_few_photos_too(count: int) -> None:
    agent = still()[:count]
    of = replace(seen(agent), results={"agent": agent, "nothing": agent, "random": still(-0.5)[:count]})
    (finding,) = diagnose(of)
    assert (finding.name, finding.seen) == (
        "No better than leaving photos alone",
        f"It did nothing in all {count} episodes.",
    )
    assert ("more photos" in finding.helps) == (count < 10) and "train.total_timesteps=4000" in finding.helps[-2]


def test_an_older_curve_without_losses_is_read() -> None:
    rows = [{"timesteps": 1, "val_success_rate": 0.5, "train_success_rate": None}] * 8
    assert diagnose(seen(history=rows)) == []
    assert len(LOOKS) == 8


def test_a_setting_that_is_no_number_is_left_as_it_is() -> None:
    """`algo=sac` sets its own temperature."""
    always = seen([played(i, ["invert_r"], 2.0) for i in range(40)])
    config = OmegaConf.merge(always.config, {"algo": {"ent_coef": "auto"}})
    (finding,) = diagnose(replace(always, config=config))
    assert not any("ent_coef" in line for line in finding.helps) and finding.helps
