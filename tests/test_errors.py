"""What goes wrong is said in one message, with the value, the place and the remedy; nothing is left half-written."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from apsi.agent.checkpoint import CONFIG
from apsi.photo.write import read_png
from tests.command_line import REPOSITORY, Place, files_below, small_disk


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared photos, for errors that come later."""
    root = tmp_path_factory.mktemp("prepared")
    Place(root, root / "data").run("task=preprocess").succeeded()
    return root / "data"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Path:
    place = Place(tmp_path_factory.mktemp("trained"), prepared)
    place.run("task=train", "train.total_timesteps=256").succeeded()
    return place.folder("train") / "checkpoints" / "best.zip"


@pytest.fixture
def fresh(tmp_path: Path) -> Place:
    """Nothing is prepared here, and an error that can be known beforehand leaves it so."""
    return Place(tmp_path, tmp_path / "data")


@pytest.fixture
def ready(tmp_path: Path, prepared: Path) -> Place:
    """The photos are prepared."""
    return Place(tmp_path, prepared)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of `conf/` to make mistakes in."""
    return shutil.copytree(REPOSITORY / "conf", tmp_path / "conf")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def require_whole(folder: Path) -> None:
    """Every file below the folder can be read to its end."""
    read: dict[str, Callable[[Path], object]] = {
        ".json": lambda path: json.loads(path.read_text()),
        ".yaml": lambda path: yaml.safe_load(path.read_text()),
        ".zip": lambda path: zipfile.ZipFile(path).testzip(),
        ".png": read_png,
    }
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in read and not path.name.startswith("."):
            read[path.suffix](path)


BEFOREHAND = {
    "unknown option": (["algo=pppo"], ["algo/pppo", "Did you mean 'ppo'?"]),
    "unknown group": (["algoo=dqn"], ["'algoo'", "Did you mean: 'algo'?"]),
    "unknown group, added": (["+algoo=dqn"], ["'algoo'", "Did you mean: 'algo'?"]),
    "unknown group of presets": (["debgu=tiny"], ["'debgu'", "Did you mean 'debug'?"]),
    "unknown option of a list": (["policy=[agent,gredy]"], ["policy/gredy", "Did you mean 'greedy'?"]),
    "no option": (["tracking=null"], ["NoneType", "tracking=none", "--help"]),
    "unknown key of a component": (["reward.step_penalti=1"], ["reward.step_penalti", "'step_penalty'?"]),
    "unknown key of a component, added": (["+reward.step_penalti=1"], ["reward.step_penalti", "'step_penalty'?"]),
    "unknown key of the schema": (["train.total_timestep=5"], ["train.total_timestep", "'total_timesteps'?"]),
    "unknown key of the schema, added": (["+train.total_timestep=5"], ["'total_timestep'", "'total_timesteps'?"]),
    "text for a number of the schema": (["train.total_timesteps=abc"], ["train.total_timesteps=abc", "Integer"]),
    "text for a number of a component": (["reward.step_penalty=abc"], ["reward.step_penalty='abc'", "valid number"]),
    "text in quotes for a number": (["env.max_steps='5'"], ["env.max_steps='5'", "valid integer"]),
    "fraction for a count": (["env.max_steps=5.5"], ["env.max_steps=5.5", "valid integer"]),
    "one number for a list": (["algo.net_arch=3"], ["algo.net_arch=3", "valid"]),
    "text in a list of numbers": (["algo.net_arch=[64,x]"], ["algo.net_arch.1='x'", "valid integer"]),
    "number for text": (["dataset=folder", "dataset.path=2024"], ["dataset.path=2024", "dataset.path='\"2024\"'"]),
    "no value": (["dataset=folder"], ["dataset.path has no value", "dataset.path=..."]),
    "null for a number": (["seed=null"], ["seed=null", "not Optional"]),
    "unknown split": (["split=foo"], ["split=foo", "'train', 'val', 'test', 'all'"]),
    "folder of nobody": (["data_dir=~nobodyhere/x"], ["begins with ~NAME", "no such user"]),
    "actions that the algorithm can't have": (["algo=sac"], ["needs continuous actions"]),
    "unknown extra": (["env.extras=[step_left]"], ["env.extras", "'steps_left'?"]),
    "negative seed": (["seed=-1"], ["seed=-1", "at least 0"]),
    "no environments": (["train.n_envs=0"], ["train.n_envs=0", "at least 1"]),
    "no steps": (["train.total_timesteps=0"], ["train.total_timesteps=0", "at least 1"]),
    "no episodes": (["evaluate.episodes=0"], ["evaluate.episodes=0", "at least 1"]),
    "count of nothing": (["algo.n_steps=0"], ["algo.n_steps=0", "greater than 0"]),
    "negative rate": (["algo.optimizer.learning_rate=-1"], ["algo.optimizer.learning_rate=-1", "greater than 0"]),
    "discount above 1": (["algo.gamma=2"], ["algo.gamma=2", "less than or equal to 1"]),
    "words that are no override": (["foo"], ["can't read foo"]),
    "bracket left open": (["train.n_envs=[1"], ["can't read train.n_envs=[1", "quote"]),
    "target outside apsi": (["reward._target_=os.system"], ["reward._target_=os.system", "not allowed", "apsi.*"]),
    "target that leads outside": (["reward._target_=apsi.photo.write.os.system"], ["not allowed", "posix.system"]),
    "target that is a function": (["reward._target_=apsi.photo.write.write_text"], ["not allowed", "a class"]),
    "target below a component": (["+train.x._target_=os.system"], ["train", "'x'"]),
    "target that does not exist": (["reward._target_=apsi.reward.nope.Nope"], ["apsi.reward.nope", "imported"]),
    "evaluation of nothing": (["task=evaluate"], ["checkpoint=outputs/.../checkpoints/best.zip"]),
    "resume of nothing recorded": (["resume=3f2a"], ["resume=3f2a", "tracking=mlflow"]),
    "resume of a file that is not there": (["resume=no/last.zip"], ["no/last.zip does not exist"]),
    "resume of a folder without a checkpoint": (["resume=conf"], ["conf/checkpoints/last.zip does not exist"]),
    "start that is not there": (["init_from=no/best.zip"], ["init_from=no/best.zip: checkpoint no/best.zip does not"]),
    "start from nothing recorded": (["init_from=3f2a"], ["init_from=3f2a", "tracking=mlflow"]),
    "start that is no checkpoint": (["init_from=run.py"], ["init_from=run.py: run.py is not a whole checkpoint"]),
    "start beside a checkpoint": (["init_from=a.zip", "checkpoint=b.zip"], ["init_from=a.zip begins a new run", "out"]),
    "start beside going on": (
        ["init_from=a.zip", "resume=b.zip"],
        ["init_from=a.zip begins a new run", "resume=b.zip"],
    ),
    "checkpoint that is not there": (["checkpoint=no/best.zip"], ["no/best.zip does not exist"]),
    "checkpoint that is no checkpoint": (["checkpoint=run.py"], ["run.py is not a whole checkpoint"]),
}


@pytest.mark.parametrize(("arguments", "parts"), BEFOREHAND.values(), ids=BEFOREHAND.keys())
def test_a_mistake_in_the_command_is_explained_before_anything_is_prepared(
    fresh: Place, arguments: list[str], parts: list[str]
) -> None:
    fresh.run(*arguments, tiny="debgu=tiny" not in arguments).failed(*parts)
    assert not fresh.data.exists()


@pytest.mark.parametrize("key", ["actions that the algorithm can't have", "text for a number of the schema"])
def test_a_mistake_that_was_found_before_anything_was_done_leaves_no_folder(fresh: Place, key: str) -> None:
    arguments, parts = BEFOREHAND[key]
    fresh.run(*arguments).failed(*parts)
    assert not fresh.folders("pipeline")


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_a_device_that_is_not_there_is_reported_before_anything_is_prepared(fresh: Place) -> None:
    fresh.run("device=cuda").failed("device=cuda is not available", "available: cpu")
    assert not fresh.data.exists()


MISTAKES_IN_FILES = {
    "component's argument": ("reward/rl_guide.yaml", ("step_penalty:", "step_penalti:"), ["reward.step_penalti"]),
    "key of the root": ("config.yaml", ("\nseed:", "\nsede:"), ["'config'", "'sede'", "'seed'"]),
    "key of a preset": (
        "debug/tiny.yaml",
        ("total_timesteps:", "total_timestep:"),
        ["'debug/tiny'", "'total_timesteps'?"],
    ),
    "type": ("config.yaml", ("\nseed: 42", "\nseed: x"), ["'config'", "'x'", "seed"]),
    "option": ("config.yaml", ("algo: ppo", "algo: pppo"), ["algo/pppo", "'ppo'?"]),
    "YAML": ("reward/rl_guide.yaml", ("\nstep_penalty:", "\n  step_penalty:"), ["reward/rl_guide.yaml", "line 6"]),
    "target": ("reward/rl_guide.yaml", ("apsi.reward.rl_guide.RlGuide", "os.system"), ["os.system", "not allowed"]),
}


@pytest.mark.parametrize(("file", "change", "parts"), MISTAKES_IN_FILES.values(), ids=MISTAKES_IN_FILES.keys())
def test_a_mistake_in_a_file_of_conf_is_explained_with_its_place(
    fresh: Place, conf: Path, file: str, change: tuple[str, str], parts: list[str]
) -> None:
    edit(conf / file, *change)
    fresh.run("--config-path", str(conf), "trust_checkpoint=true").failed(*parts)
    assert not fresh.data.exists()


def test_a_configuration_from_elsewhere_runs_no_command(fresh: Place, tmp_path: Path) -> None:
    option = tmp_path / "elsewhere" / "reward" / "evil.yaml"
    option.parent.mkdir(parents=True)
    option.write_text(f"_target_: os.system\ncommand: touch {tmp_path / 'done'}\n")
    command = ("--config-dir", str(tmp_path / "elsewhere"), "reward=evil")
    fresh.run(*command).failed(f"command=touch {tmp_path / 'done'}: apsi would read it", "add trust_checkpoint=true")
    fresh.run(*command, "trust_checkpoint=true").failed("reward._target_=os.system")
    assert not (tmp_path / "done").exists()


def test_a_value_outside_the_limits_of_its_component_is_explained(ready: Place) -> None:
    ready.run("env.max_steps=0").failed("env.max_steps=0")


def test_too_little_memory_is_reported(ready: Place) -> None:
    outcome = ready.run("algo=dqn", "algo.buffer_size=100000000000")
    outcome.failed("not enough memory: Unable to allocate", "Lower train.n_envs")


def test_a_prepared_photo_that_was_deleted_is_named(tmp_path: Path, prepared: Path) -> None:
    place = Place(tmp_path, shutil.copytree(prepared, tmp_path / "data"))
    folder = next(path for path in (place.data / "prepared").iterdir() if path.is_dir())
    shutil.rmtree(folder / "train" / "images")
    place.run("task=train").failed(str(folder / "train" / "images"), "is missing", "delete its data set's folder")


def test_photos_that_are_not_there_are_reported(fresh: Place, tmp_path: Path) -> None:
    photos = tmp_path / "no"
    fresh.run("dataset=folder", f"dataset.path={photos}").failed(f"dataset.path={photos} does not exist")


def test_a_file_that_is_no_photo_is_reported(fresh: Place) -> None:
    run = REPOSITORY / "run.py"
    fresh.run("dataset=folder", f"dataset.path={run}").failed("no usable photo", "run.py: not an image")


def test_a_folder_without_a_usable_photo_says_why_each_file_was_skipped(fresh: Place, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "notes.txt").write_text("no photo")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    message = fresh.run("dataset=folder", f"dataset.path={photos}").failed(
        "no usable photo in the data set 'photos'", "2 files skipped", "notes.txt: not an image", "broken.jpg: "
    )
    assert Path(message.rpartition(" ")[2]).name == "skipped.csv"


def test_an_empty_folder_of_photos_is_reported(fresh: Place, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    fresh.run("dataset=folder", f"dataset.path={tmp_path / 'photos'}").failed("no usable photo", "no files in it")


@pytest.mark.parametrize("key", ["output_dir", "data_dir"])
@pytest.mark.parametrize("name", ["x", "x" * 300], ids=["below a file", "name too long"])
def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(
    fresh: Place, tmp_path: Path, key: str, name: str
) -> None:
    (tmp_path / "file").touch()
    parent = tmp_path / "file" if name == "x" else tmp_path
    fresh.run(f"{key}={parent / name}").failed(str(parent / name), "Set output_dir and data_dir to folders")


def test_preparing_continues_on_a_disk_that_was_full(fresh: Place, prepared: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "300k") as resize:
        data = tmp_path / "disk" / "data"
        command = ["task=preprocess", f"data_dir={data}"]
        fresh.run(*command).failed("the disk is full", "Make room")
        assert not [path for path in data.glob("prepared/*") if not path.name.startswith(".")]
        require_whole(data)
        resize("20m")
        fresh.run(*command).succeeded()
        assert files_below(data / "prepared") == files_below(prepared / "prepared")


@pytest.mark.slow
def test_a_run_continues_on_a_disk_that_was_full(ready: Place, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "40k") as resize:
        outputs = tmp_path / "disk" / "outputs"
        command = [f"output_dir={outputs}", "evaluate.episodes=2"]
        ready.run(*command).failed("the disk is full", "Make room")
        require_whole(outputs)
        resize("20m")
        outcome = ready.run(*command).succeeded()
        require_whole(outputs)
        assert str(max(outputs.glob("pipeline/*")) / "report.html") in outcome.out


def test_a_disk_that_is_too_full_for_the_first_line_of_the_log_is_reported_once(ready: Place, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4k"):
        ready.run(f"output_dir={tmp_path / 'disk' / 'outputs'}").failed("the disk is full")


def altered(checkpoint: Path, target: Path, member: str, data: bytes) -> Path:
    """A copy of a checkpoint in which one member holds something else."""
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, data if name == member else source.read(name))
    return target


def test_half_a_checkpoint_is_reported(ready: Place, checkpoint: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(checkpoint.read_bytes()[:100_000])
    ready.run("task=evaluate", f"checkpoint={half}", tiny=False).failed(str(half), "checkpoint of apsi")


def test_a_checkpoint_of_another_program_is_reported(ready: Place, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("policy.pth", b"")
    ready.run("task=train", f"resume={foreign}", tiny=False).failed(f"{foreign} is a zip file but not a checkpoint")


def test_damaged_networks_of_a_checkpoint_are_reported(ready: Place, checkpoint: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.zip"
    content = bytearray(checkpoint.read_bytes())
    with zipfile.ZipFile(checkpoint) as archive:
        start = archive.getinfo("policy.pth").header_offset + 2000
    content[start : start + 100] = bytes(100)
    damaged.write_bytes(content)
    ready.run("task=evaluate", f"checkpoint={damaged}", tiny=False).failed(str(damaged))


def test_a_checkpoint_whose_networks_are_a_program_does_not_run_it(
    ready: Place, checkpoint: Path, tmp_path: Path
) -> None:
    class Program:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path / 'done'}",)

    content = io.BytesIO()
    torch.save(Program(), content)
    evil = altered(checkpoint, tmp_path / "evil.zip", "policy.pth", content.getvalue())
    ready.run("task=evaluate", f"checkpoint={evil}", tiny=False).failed(str(evil))
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("content", [b"", b"no networks"], ids=["empty", "text"])
def test_a_checkpoint_without_networks_is_reported(
    ready: Place, checkpoint: Path, tmp_path: Path, content: bytes
) -> None:
    poor = altered(checkpoint, tmp_path / "poor.zip", "policy.pth", content)
    ready.run("task=evaluate", f"checkpoint={poor}", tiny=False).failed(str(poor))


def test_a_checkpoint_whose_configuration_is_not_yaml_is_reported(
    ready: Place, checkpoint: Path, tmp_path: Path
) -> None:
    broken = altered(checkpoint, tmp_path / "broken.zip", CONFIG, b"reward: [")
    ready.run("task=evaluate", f"checkpoint={broken}", tiny=False).failed(str(broken))


def test_a_checkpoint_from_elsewhere_runs_no_command_named_in_its_configuration(
    ready: Place, checkpoint: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(checkpoint) as archive:
        config = yaml.safe_load(archive.read(CONFIG))
    config["reward"] = {"_target_": "os.system", "command": f"touch {tmp_path / 'done'}"}
    evil = altered(checkpoint, tmp_path / "evil.zip", CONFIG, yaml.safe_dump(config).encode())
    ready.run("task=evaluate", f"checkpoint={evil}", tiny=False).failed("reward._target_=os.system is not allowed")
    assert not (tmp_path / "done").exists()
