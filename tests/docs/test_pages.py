"""Pages written by hand name all that the code has: tasks, findings of the diagnosis, what the environment says."""

import re
from dataclasses import fields

import pytest
import yaml

from apsi.env.base import EXTRAS
from apsi.env.core import EditCore, EnvComponents
from apsi.env.gym_env import PhotoEditEnv
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.prepared import PreparedEpisodes
from apsi.evaluate.diagnosis import LOOKS
from apsi.installation import CONFIG_DIR
from apsi.photo.prepared import PreparedSplit
from apsi.reward.base import Transition
from docs.hooks import on_page_markdown
from tests.command_line import REPOSITORY
from tests.conftest import context

TASKS = sorted(path.stem for path in (CONFIG_DIR / "task").glob("*.yaml"))


def page(name: str) -> str:
    return (REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no heading {heading}"
    return found[1]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `?([^`|]+?)`? \|", text, re.MULTILINE)[2:]  # without the header and the line below it


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_section_with_its_command_and_its_settings(task: str) -> None:
    said = section(page("tasks"), f"### {task}")
    assert f"<!-- what task/{task} -->" in said and f"<!-- settings task/{task} -->" in said
    command = "python run.py dataset=" if task == "pipeline" else f"python run.py task={task}"
    assert any(line.startswith(command) for line in said.splitlines()), "a command to copy"
    assert "\nLeaves " in said and "](" in said.partition("\nLeaves ")[2], "what it leaves, and where more stands"


def test_tasks_are_listed_in_the_table_at_the_top_each_once() -> None:
    text = page("tasks")
    assert sorted(re.findall(r"\[`(\w+)`\]\(#\1\)", text.partition("\n## ")[0])) == TASKS
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == TASKS


def test_what_a_task_is_and_what_it_needs_comes_from_its_file() -> None:
    text = on_page_markdown(page("tasks"))
    assert "Advice in the browser, on this machine. Needs `pip install 'apsi[studio]'`." in text
    assert '??? note "Settings of `clean`"' in text and "    older_than: 7d" in text
    assert "It has no settings of its own." in section(text, "### sync")


def test_every_algorithm_is_in_the_table_with_the_actions_that_it_can_have() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", on_page_markdown(page("algorithms")), re.MULTILINE))
    assert rows.keys() == {path.stem for path in (CONFIG_DIR / "algo").glob("*.yaml")}
    assert (rows["sac"], rows["dqn"], rows["ppo"]) == ("continuous", "discrete", "discrete or continuous")


def test_troubles_have_every_finding_of_the_diagnosis() -> None:
    troubles = section(page("faq"), "## An agent does not learn")
    assert set(first_column(troubles.partition("\n### ")[0])) == LOOKS.keys()
    assert set(first_column(section(page("runs"), "### Diagnosis"))) == LOOKS.keys()


def test_the_environment_page_has_what_the_environment_says(optimise: EnvComponents, split: PreparedSplit) -> None:
    text = page("environment")
    env = PhotoEditEnv(optimise, PreparedEpisodes(context(split)))
    _, at_reset = env.reset()
    info = env.step(0)[-1]
    assert first_column(section(text, "## Info")) == list(info)
    assert info.keys() - at_reset.keys() == {"is_success"}  # "after a step"
    assert set(first_column(section(text, "## Observation"))) == set(EXTRAS)


def test_the_page_on_components_has_every_field_that_a_reward_gets() -> None:
    table = page("extending").partition("| field |")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)))
    assert sorted(named) == sorted(field.name for field in fields(Transition))


def test_the_environment_page_has_every_objective() -> None:
    objectives = re.findall(r"^\| (`.+?) \|", section(page("environment"), "## The end of an episode"), re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(objectives))
    assert sorted(named) == sorted(path.stem for path in (CONFIG_DIR / "env").glob("*.yaml"))


def test_the_vector_form_says_at_the_end_of_an_episode_what_the_page_names(
    restore: EnvComponents, split: PreparedSplit
) -> None:
    named = set(re.findall(r"`([\w.]+)`", section(page("environment"), "## The vector form")))
    env = PhotoVecEnv(EditCore(restore, PreparedEpisodes(context(split)), 2))
    env.reset()
    said = set[str]()
    for _ in range(restore.objective.max_steps):
        _, _, ended, infos = env.step(env.core.actions.end(2) * 0)
        assert all(bool(info) == end for info, end in zip(infos, ended, strict=True))
        said |= set().union(*infos)
    assert said and said <= named


def test_ports_of_servers_on_the_page_on_security_are_those_of_their_settings() -> None:
    rows = re.findall(r"^\| ([^|]*`task=.+?) \| (\d+) \|", section(page("security"), "## Servers"), re.MULTILINE)
    ports = {}
    for names, port in rows:
        for task in re.findall(r"`(?:task=)?(\w+)`", names):
            ports[task] = int(port)
    settings = {task: yaml.safe_load((CONFIG_DIR / "task" / f"{task}.yaml").read_text("utf-8")) for task in TASKS}
    having = {task: (content.get("task") or content).get("port") for task, content in settings.items()}
    assert ports == {task: port for task, port in having.items() if port is not None}
