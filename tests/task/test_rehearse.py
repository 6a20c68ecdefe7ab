"""What can fail at the end of a run fails at its start: before a photo is prepared, with the whole key."""

import re
from itertools import zip_longest
from pathlib import Path

import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR
from apsi.task import require_evaluating
from apsi.task.rehearse import rehearse_training
from apsi.tracking.run_folder import RunFolder
from tests.test_conf import COMPONENTS, SEVERAL

MISSING = ["juror@second_juror=nima", "second_juror.path=missing.pth"]
PARAMETRIC = ["transform=parametric", "degradation=sensible"]
SECOND_IS_MISSING = r"^second_juror\.path=missing\.pth is not a file\. Add second_juror\.path=FILE"

BAD = {
    "algo=a2c": (["algo.gae_lambda=2"], r"algo\.gae_lambda=2"),
    "algo=afterstate": (PARAMETRIC, "needs discrete actions"),
    "algo=double_dqn": (PARAMETRIC, "needs discrete actions"),
    "algo=dqn": (PARAMETRIC, "needs discrete actions"),
    "algo=dueling_dqn": (PARAMETRIC, "needs discrete actions"),
    "algo=full_q": (["env.extras=[score]"], r"env\.extras=\['score'\] must be \[\]"),
    "algo=maskable_ppo": (PARAMETRIC, "needs discrete actions"),
    "algo=ppo": ([*PARAMETRIC, "policy=[agent,beam]"], "policy=beam needs discrete actions"),
    "algo=qrdqn": (PARAMETRIC, "needs discrete actions"),
    "algo=recurrent_ppo": (["policy=[expected_improvement]"], "policy=expected_improvement needs an agent that"),
    "algo=sac": ([], "needs continuous actions"),
    "algo=td3": ([*PARAMETRIC, "policy=[agent,greedy]"], "policy=greedy needs discrete actions"),
    "algo=undo": ([], "add episodes=fresh"),
    "degradation=none": ([], "reaches its objective before the first edit"),
    "degradation=sensible": (["algo=undo", "episodes=fresh"], "can't undo"),
    "env=optimise": (["transform.labels=[swap_rbb]"], "swap_rbb"),
    "feature_extractor=resnet18": (["feature_extractor.weights=none.pth"], r"feature_extractor\.weights=none\.pth"),
    "feature_extractor=mobilenet_v2": (["feature_extractor.weights=null"], "would freeze random weights"),
    "juror=http": (
        ["juror.url=http://127.0.0.1:9", "juror.patience=0.1"],
        r"juror\.url=http://127\.0\.0\.1:9 does not",
    ),
    "juror=laion": ([], r"juror\.head is not set"),
    "juror=mix": (
        ["juror.jurors.onnx.path=m.onnx"],
        r"^juror\.jurors\.onnx\.path=m\.onnx is not a file\. Add juror\.jur",
    ),
    "juror=nima": (["juror.path=w.pth"], r"^juror\.path=w\.pth is not a file"),
    "juror=siglip_v2_5": ([], r"juror\.head is not set"),
    "policy=beam": (["policy=[beam]", "algo=sac", *PARAMETRIC], "policy=beam needs discrete actions"),
    "policy=expected_improvement": (
        ["policy=[expected_improvement]"],
        "policy=expected_improvement needs an agent that",
    ),
    "policy=greedy": (["policy=[greedy]", "algo=sac", *PARAMETRIC], "policy=greedy needs discrete actions"),
    "policy=oracle": (
        ["policy=[oracle]", "env=optimise", "degradation=none"],
        "policy=oracle looks at the photos as they",
    ),
    "reward=stop_only_plain": ([], r"add env\.stop=true"),
    "reward=stop_only_quadratic": ([], r"add env\.stop=true"),
    "task=evaluate": ([], "needs an agent: add checkpoint="),
    "task=pipeline": (["checkpoint=best.zip"], "best.zip does not exist"),
    "task=rerun": ([], "needs a run: add run_id="),
    "task=compare": ([], "needs two or more different runs"),
    "transform=full": (["algo=undo", "episodes=fresh"], "can't undo"),
    "transform=parametric": ([], "degradation.labels=.*add degradation=sensible"),
    "worker_pool=ray": (
        ["worker_pool.address=127.0.0.1:9"],
        r"worker_pool\.address=127\.0\.0\.1:9: Ray can't be reached",
    ),
}
"""For an option, what does not go with it or is not there, and what the error says"""


def fails_before_preparing(overrides: list[str], folder: Path) -> str:
    """Runs what the overrides say; the message it ends with. No photo was prepared, no run recorded."""
    dirs = [f"data_dir={folder / 'data'}", f"output_dir={folder / 'outputs'}"]
    with pytest.raises(Exception) as caught:
        config = load_config(["debug=tiny", "device=cpu", *overrides, *dirs])
        instantiate(config.task)(config, RunFolder.create(folder / "outputs" / "run", config))
    assert not (folder / "data").exists()
    assert not list(folder.glob("outputs/*.db")) and not list(folder.glob("outputs/run/tracking"))
    assert isinstance(caught.value, ApsiError) or "omegaconf" in type(caught.value).__module__, caught.value
    return str(caught.value)


EVALUATING = {"pipeline", "evaluate", "cross_validate", "rerun"}


@pytest.mark.parametrize("task", sorted({path.stem for path in (CONFIG_DIR / "task").glob("*.yaml")} - EVALUATING))
def test_a_task_that_evaluates_nothing_refuses_required_figures(task: str) -> None:
    config = load_config([f"task={task}"])
    require_evaluating(config)
    config.evaluate.require = "agent.success_rate>0"
    with pytest.raises(ApsiError, match=f"task={task} evaluates nothing"):
        require_evaluating(config)


def test_tasks_that_evaluate_take_required_figures() -> None:
    for task in EVALUATING:
        require_evaluating(load_config([f"task={task}", "evaluate.require='agent.success_rate>0'"]))


@pytest.mark.parametrize("choice", BAD)
def test_a_bad_combination_or_path_fails_before_preparing(choice: str, tmp_path: Path) -> None:
    overrides, message = BAD[choice]
    own = [] if choice.startswith("policy=") else [choice]
    said = fails_before_preparing([*own, *overrides], tmp_path)
    assert re.search(message, said), said


NEED_A_PLACE = {"archive", "coco", "huggingface", "fiftyone"}
"""Data sets that only their user can name"""


def _is_of_a_run(group: str, option: str) -> bool:
    apart = ("juror", "task", "device", "acquire", "ray")
    return not {group.partition("/")[0], option} & {*apart, *(NEED_A_PLACE if group == "dataset" else ())}


def rows() -> list[list[str]]:
    """Every option of every group that a run is made of, an option of each group at a time."""
    chosen = [(group, option) for group, option in COMPONENTS if _is_of_a_run(group, option)]
    by_group: dict[str, list[str]] = {}
    for group, option in chosen:
        by_group.setdefault(group, []).append(f"{group}=[{option}]" if group in SEVERAL else f"{group}={option}")
    return [[choice for choice in row if choice] for row in zip_longest(*by_group.values())]


@pytest.mark.parametrize("row", rows(), ids=",".join)
def test_with_any_option_a_second_juror_that_is_not_there_is_named_before_preparing(
    row: list[str], tmp_path: Path
) -> None:
    extra = [f"dataset.path={tmp_path}"] if "dataset=folder" in row else []
    if {"transform=parametric", "transform=adjustments"} & set(row):  # which have no labels to degrade with
        row = [choice for choice in row if not choice.startswith(("degradation=", "episodes="))]
        extra += ["degradation=sensible"]
    said = fails_before_preparing([*row, *extra, *MISSING], tmp_path)
    assert re.search(SECOND_IS_MISSING, said), said


def test_the_rows_miss_no_option() -> None:
    assert sum(map(len, rows())) == len([1 for g, o in COMPONENTS if _is_of_a_run(g, o)]) >= 60
    assert len(rows()) < 20


@pytest.mark.parametrize("task", ["pipeline", "preprocess", "train"])
def test_every_task_that_prepares_photos_looks_at_its_jurors_first(task: str, tmp_path: Path) -> None:
    assert "second_juror.path" in fails_before_preparing([f"task={task}", *MISSING], tmp_path)


def test_td3_evaluates_beside_policies_that_fit_its_actions() -> None:
    chosen = list(load_config(["algo=td3", *PARAMETRIC]).policy)
    assert chosen == ["agent", "nothing", "random"]
    assert list(load_config(["algo=td3", *PARAMETRIC, "policy=[agent,greedy]"]).policy) == ["agent", "greedy"]


def test_a_place_that_cannot_be_written_is_named_before_preparing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = fails_before_preparing([f"score_cache_dir={tmp_path / 'file' / 'x'}"], tmp_path)
    assert f"score_cache_dir={tmp_path / 'file' / 'x'}" in said and "is no folder" in said


MISFITS = {
    "algo=sac": ("transform=parametric degradation=sensible", ""),
    "algo=td3": ("transform=parametric degradation=sensible", ""),
    "policy=[search]": ("transform=parametric degradation=sensible", ""),
    "policy=[exhaustive]": ("env=crop transform=crop_edges degradation=none", ""),
    "transform=parametric": ("degradation=sensible", ""),
    "transform=adjustments": ("degradation=sensible", ""),
    "algo=sac transform=parametric": ("degradation=sensible", ""),
    "env=crop": ("transform=crop_edges degradation=none", ""),
    "env=crop transform=crop_anchors": ("env=crop degradation=none", ""),
    "transform=crop_edges": ("env=crop degradation=none", ""),
    "transform=crop_moves degradation=sensible": ("env=crop degradation=none", ""),
    "transform=crop_edges degradation=none": ("env=crop", ""),
    "algo=crop_ranker": ("env=crop transform=crop_anchors degradation=none", ""),
    "policy.agent.caution=0.5": ("degradation=sensible", "transform=parametric"),
    "episodes=curriculum transform=parametric degradation=sensible": ("episodes=fresh", ""),
}
"""By what does not fit, the overrides that the error names, and what it lets one choose besides"""


@pytest.mark.parametrize("chosen", MISFITS)
def test_what_the_error_of_a_misfit_says_to_add_is_all_that_is_missing(chosen: str, tmp_path: Path) -> None:
    named, besides = MISFITS[chosen]
    said = fails_before_preparing(chosen.split(), tmp_path)
    assert named in said and "Interpolation" not in said, said
    config = load_config(["debug=tiny", "device=cpu", f"data_dir={tmp_path}", *f"{chosen} {named} {besides}".split()])
    rehearse_training(config, RunFolder(tmp_path / "none"), evaluates=True)
