"""Several runs from one command."""

from pathlib import Path

from tests.command_line import Place, read_json


def test_seeds_end_in_one_summary_and_a_run_that_fails_ends_no_other(tmp_path: Path, data_dir: Path) -> None:
    place = Place(tmp_path, data_dir)
    short = ("train.total_timesteps=64", "train.eval_every=64", "policy=[agent]", "train.images=0", "evaluate.images=0")
    outcome = place.run("--multirun", "seed=1,2", "env.max_steps=0,3", *short)
    outcome.failed(
        "2 of 4 runs",
        "0 (seed=1 env.max_steps=0): env.max_steps=0: input should be greater than 0",
        "2 (seed=2 env.max_steps=0)",
    )
    (folder,) = (tmp_path / "outputs" / "multirun").iterdir()
    content = read_json(folder / "multirun.json")
    (group,) = content["groups"]
    assert (group["name"], group["seed"], group["data_seed"]) == ("all runs", [1, 2], [42, 42])
    datasets = {read_json(folder / run / "summary.json")["dataset"] for run in group["runs"]}
    assert len(datasets) == 1  # the same photos, which are prepared once
    assert str(folder / "multirun.html") in outcome.out
    assert len(content["failed"]) == 2

    pair = f"groups={{a:[{folder / group['runs'][0]}],b:[{folder / group['runs'][1]}]}}"
    compared = place.run("task=compare", pair, tiny=False).succeeded()
    assert "8 episodes" in compared.said
    place.run("task=compare", f"run_ids=[{folder}]", tiny=False).succeeded()  # stands for its runs
