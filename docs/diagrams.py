"""Drawings of how apsi is built, for the pages: each box is something in the code, each arrow one that the code has.

A box names a config group, a task, a setting or a class; without words of its own it says what the code says of itself.
Drawing fails where a box names nothing, or neither end of an arrow knows the other: stale pictures do not build.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

import apsi
from apsi.config.options import about
from apsi.config.schema import Config
from apsi.installation import CONFIG_DIR

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 190, 74, 70, 58, 12
"""Of a box, of the gaps between columns and rows, around all; in pixels"""


@dataclass(frozen=True)
class Box:
    """Something in the code, at a place in the drawing."""

    what: str
    """`group NAME`, `task NAME`, `setting NAME` or the path of a class, module or function"""
    column: float
    row: float
    title: str = ""
    """empty: the name of what it is"""
    says: str = ""
    """empty: what the code says of itself"""

    @property
    def name(self) -> str:
        """Its title."""
        kind, _, name = self.what.rpartition(" ")
        return self.title or {"task": f"task={name}", "setting": f"{name}="}.get(kind, name.rpartition(".")[2])

    @property
    def left(self) -> float:
        """Pixels from the left."""
        return _MARGIN + self.column * (_WIDTH + _ACROSS)

    @property
    def top(self) -> float:
        """Pixels from the top."""
        return _MARGIN + self.row * (_HEIGHT + _DOWN)


@dataclass(frozen=True)
class Arrow:
    """What goes from one box to another."""

    start: str
    end: str
    carries: str = ""


@dataclass(frozen=True)
class Diagram:
    """A drawing."""

    describes: str
    """for those who can't see it"""
    boxes: Mapping[str, Box]
    arrows: Sequence[Arrow]
    is_order: bool = False
    """whether arrows say what comes after what, as the configuration has it, and not who uses whom"""


TRAINING = Diagram(
    "Photos become episodes of the editing core, which asks the juror for scores and the reward for rewards; the "
    "algorithm sees observations, chooses actions, is validated and saved; the best agent is evaluated and reported.",
    {
        "transform": Box("group transform", 1, 0, says="The edits that there are"),
        "reward": Box("group reward", 2, 0, says="What the agent learns to make large"),
        "objective": Box("group env", 3, 0, says="What is asked of the agent, and when it is over"),
        "prepared": Box("apsi.photo.prepared.PreparedSplit", 0, 1, "prepared photos"),
        "episodes": Box("group episodes", 1, 1, says="Which photo is edited next"),
        "core": Box("apsi.env.core.EditCore", 2, 1, "editing core"),
        "pool": Box("group worker_pool", 3, 1, says="Where jurors run: here, in processes, on a cluster"),
        "extractor": Box("group feature_extractor", 0, 2, says="The network that sees the photo"),
        "algo": Box("group algo", 1, 2, says="Learns which edit pays"),
        "env": Box("apsi.env.vec_env.PhotoVecEnv", 2, 2, "vector environment"),
        "juror": Box("group juror", 3, 2, says="Scores photos from 0 to 10"),
        "train": Box(
            "apsi.train.loop.train_agent", 0, 3, "training", "Validates, keeps the best, goes on after a stop"
        ),
        "checkpoint": Box("apsi.agent.checkpoint.Checkpoint", 1, 3, "checkpoint"),
        "evaluate": Box(
            "apsi.evaluate.run.evaluate_agent", 2, 3, "evaluation", "Plays unseen photos with every policy"
        ),
        "report": Box("apsi.evaluate.report.write_report", 3, 3, "report", "One page, with pictures of every step"),
        "tracking": Box("group tracking", 2, 4, says="Records figures, settings, files"),
    },
    [
        Arrow("prepared", "episodes", "photos"),
        Arrow("episodes", "core", "starts"),
        Arrow("objective", "core"),
        Arrow("transform", "core"),
        Arrow("core", "pool", "edited photos"),
        Arrow("pool", "juror"),
        Arrow("reward", "core"),
        Arrow("core", "env"),
        Arrow("env", "algo", "observations"),
        Arrow("extractor", "algo"),
        Arrow("train", "algo"),
        Arrow("train", "checkpoint"),
        Arrow("checkpoint", "evaluate", "best.zip"),
        Arrow("evaluate", "report"),
        Arrow("evaluate", "tracking"),
    ],
)

EPISODE = Diagram(
    "One photo in an episode: the editing core draws it and begins an edit state, which the agent sees as an "
    "observation; its action means transforms, which the core applies; the juror scores the outcome, the reward makes "
    "a number of it, and the agent sees it again until the episode is over; the recipe of all edits is then applied at "
    "full size.",
    {
        "start": Box("apsi.episodes.base.Start", 0, 0, "a photo to begin with"),
        "core": Box("apsi.env.core.EditCore", 1, 0, "editing core", "Holds the episodes and steps them together"),
        "edit": Box("apsi.env.edit_state.EditState", 2, 0, "edit state", "The original, the recipe so far, the view"),
        "observation": Box(
            "apsi.env.core.Observations", 3, 0, "observation", "The view, 64 x 64 pixels, and env.extras"
        ),
        "juror": Box("apsi.juror.base.Juror", 0, 1, "juror", "Scores the view from 0 to 10"),
        "reward": Box("apsi.reward.base.Reward", 1, 1, "reward", "Of the scores before and after"),
        "action": Box("apsi.policy.base.Choice", 2, 1, "action", "A number, or strengths: which transforms"),
        "agent": Box("apsi.policy.agent.Agent", 3, 1, "agent", "Its network, and what it prefers"),
        "result": Box("apsi.env.core.StepResult", 1, 2, "end of the step", "Over: STOP, the target, the last step"),
        "recipe": Box("apsi.transform.recipe.Recipe", 2, 2, "recipe", "All transforms, in their order"),
        "full": Box("apsi.transform.full_size.apply", 3, 2, "at full size", "The same edit of the photo itself"),
    },
    [
        Arrow("start", "core"),
        Arrow("core", "edit"),
        Arrow("edit", "observation"),
        Arrow("observation", "agent"),
        Arrow("agent", "action"),
        Arrow("action", "core", "edits"),
        Arrow("core", "juror", "view"),
        Arrow("core", "reward", "scores"),
        Arrow("reward", "result"),
        Arrow("result", "recipe"),
        Arrow("recipe", "full"),
    ],
)

SYSTEM = Diagram(
    "Tasks around the data: photos are prepared, agents trained and evaluated; the studio shows advice and pairs to "
    "people; jurors can run as a service; runs are recorded.",
    {
        "photos": Box("group dataset", 0, 0, "photos", "Folders, archives, annotated sets"),
        "preprocess": Box("task preprocess", 1, 0),
        "data": Box("setting data_dir", 2, 0, says="Prepared photos, whole or not at all"),
        "pipeline": Box("task pipeline", 1, 1),
        "remote": Box("group juror", 0, 1, "juror=http", "Asks a juror that runs elsewhere"),
        "serve": Box("task serve_juror", 0, 2),
        "runs": Box("apsi.tracking.run_folder.RunFolder", 2, 1, "output_dir=", "A folder a run: checkpoints, reports"),
        "tracking": Box("group tracking", 3, 1, says="Records figures, settings, files"),
        "compare": Box("task compare", 3, 0),
        "advise": Box("task advise", 1, 2),
        "studio": Box("task studio", 0, 3),
        "annotate": Box("task annotate", 1, 3),
        "answers": Box("setting preference_dir", 2, 3, says="Pairs and people's answers"),
        "fit": Box("task fit_preference", 3, 3),
    },
    [
        Arrow("photos", "preprocess"),
        Arrow("preprocess", "data"),
        Arrow("data", "pipeline"),
        Arrow("serve", "remote"),
        Arrow("remote", "pipeline", "scores"),
        Arrow("pipeline", "runs"),
        Arrow("runs", "tracking"),
        Arrow("runs", "advise", "agent"),
        Arrow("runs", "compare"),
        Arrow("advise", "studio"),
        Arrow("annotate", "answers"),
        Arrow("answers", "fit"),
        Arrow("fit", "runs", "a juror"),
    ],
)


def preprocessing() -> Diagram:
    """The steps of `preprocess=default`, in their order, four in a row."""
    import yaml
    from hydra.utils import get_class

    steps = yaml.safe_load((CONFIG_DIR / "preprocess" / "default.yaml").read_text(encoding="utf-8"))["steps"]
    listed = [("files", Box("group dataset", 0, 0, "files", "Found, and odd ones left out with reasons"))]
    for number, (name, step) in enumerate(steps.items(), 1):
        says = inspect.getdoc(get_class(step["_target_"])) or ""
        listed.append((name, Box(step["_target_"], *_winding(number), name, says.partition("\n")[0])))
    listed.append(
        ("prepared", Box("apsi.photo.prepared.PreparedSplit", *_winding(len(listed)), "train, val, test", ""))
    )
    names = [name for name, _ in listed]
    arrows = [Arrow(start, end) for start, end in pairwise(names)]
    describes = f"Each step of preparing photos hands its outcome to the next: {', '.join(names)}."
    return Diagram(describes, dict(listed), arrows, is_order=True)


def _winding(number: int) -> tuple[int, int]:
    """Column and row of the n-th of boxes that go left to right and back."""
    row, place = divmod(number, 4)
    return (place if row % 2 == 0 else 3 - place), row


def draw(diagram: Diagram) -> str:
    """The drawing as SVG, in the page's own colours.

    Raises:
        LookupError: a box or an arrow that the code does not have.
    """
    boxes = diagram.boxes
    for box in boxes.values():
        _says(box)
    if not diagram.is_order:
        for arrow in diagram.arrows:
            require_known(boxes[arrow.start], boxes[arrow.end])
    width = max(box.left for box in boxes.values()) + _WIDTH + _MARGIN
    height = max(box.top for box in boxes.values()) + _HEIGHT + _MARGIN
    parts = [
        f'<svg class="diagram" viewBox="0 0 {width:g} {height:g}" style="width: 100%; min-width: 36rem" role="img" '
        f'aria-label="{escape(diagram.describes)}" '
        'xmlns="http://www.w3.org/2000/svg" font-size="12" fill="currentColor" stroke="none">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>',
        *(_arrow(boxes[arrow.start], boxes[arrow.end], arrow.carries) for arrow in diagram.arrows),
        *map(_box, boxes.values()),
        "</svg>",
    ]
    return "".join(parts)


def _says(box: Box) -> str:
    """What stands below a box's title, from the code.

    Raises:
        LookupError: there is no such thing.
    """
    kind, _, name = box.what.rpartition(" ")
    if kind == "group":
        if not (CONFIG_DIR / name).is_dir():
            raise LookupError(f"no config group {name}")
        return box.says
    if kind == "task":
        if not (CONFIG_DIR / "task" / f"{name}.yaml").is_file():
            raise LookupError(f"no task {name}")
        return box.says or re.split(r"[:;(]", about("task", name))[0]
    if kind == "setting":
        if name not in Config.__dataclass_fields__:
            raise LookupError(f"no setting {name}")
        return box.says
    return box.says or (inspect.getdoc(_found(name)) or "").partition("\n")[0]


def _found(path: str) -> object:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"nothing at {path}") from error


def require_known(start: Box, end: Box) -> None:
    """Refuses an arrow between two boxes of which neither's code names the other.

    Raises:
        LookupError: with both.
    """
    for one, other in ((start, end), (end, start)):
        if any(word in _source(one) for word in _words(other)):
            return
    raise LookupError(f"{start.name} and {end.name} don't know each other")


def _words(box: Box) -> list[str]:
    """How code that uses a box names it."""
    kind, _, name = box.what.rpartition(" ")
    if kind == "task":
        return [f"apsi.task.{name}", f"task={name}"]
    if kind == "setting":
        return [name]
    if kind == "group":
        return [f"apsi.{name}.", f"config.{name}", f"{name}:"]
    return [name.rpartition(".")[2]]


def _source(box: Box) -> str:
    """The code that a box stands for, and of groups, tasks and settings that which builds them."""
    kind, _, name = box.what.rpartition(" ")
    package = Path(apsi.__file__).parent
    files = {
        "group": [*(package / name).glob("*.py"), package / "config" / "build.py", package / "agent" / "build.py"],
        "task": [package / "task" / f"{name}.py", package / "config" / "build.py"],
        "setting": [package / "config" / "build.py"],
    }.get(kind) or [package.parent.joinpath(*name.split(".")[:-1]).with_suffix(".py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _box(box: Box) -> str:
    lines = wrap(_says(box).partition(";")[0].rstrip(".").replace("`", ""), 31)
    if len(lines) > 3:
        raise LookupError(f"what {box.name} says of itself is too long for its box: {' '.join(lines)}")
    said = "".join(
        f'<text x="{box.left + 10:g}" y="{box.top + 36 + 15 * i:g}" opacity=".8">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return (
        f'<rect x="{box.left:g}" y="{box.top:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="none" '
        f'stroke="currentColor" stroke-opacity=".5"/><text x="{box.left + 10:g}" y="{box.top + 19:g}" '
        f'font-weight="700" font-size="13">{escape(box.name)}</text>{said}'
    )


def _arrow(start: Box, end: Box, carries: str) -> str:
    """A line between the nearest sides of two boxes, with what goes along it."""
    if start.row == end.row:
        forward = end.column > start.column
        points = [
            (start.left + (_WIDTH if forward else 0), start.top + _HEIGHT / 2),
            (end.left + (0 if forward else _WIDTH), end.top + _HEIGHT / 2),
        ]
    elif start.column == end.column:
        down = end.row > start.row
        points = [
            (start.left + _WIDTH / 2, start.top + (_HEIGHT if down else 0)),
            (end.left + _WIDTH / 2, end.top + (0 if down else _HEIGHT)),
        ]
    else:
        down, right = end.row > start.row, end.column > start.column
        half = (start.top + (_HEIGHT + _DOWN / 2 if down else -_DOWN / 2), end.top + (0 if down else _HEIGHT))
        out = start.left + _WIDTH * (0.75 if right else 0.25)
        into = end.left + _WIDTH * (0.25 if right else 0.75)
        points = [(out, start.top + (_HEIGHT if down else 0)), (out, half[0]), (into, half[0]), (into, half[1])]
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    (x0, y0), (x1, y1) = points[len(points) // 2 - 1], points[len(points) // 2]
    upright = x0 == x1
    text = (
        f'<text x="{(x0 + x1) / 2 + (6 if upright else 0):g}" y="{(y0 + y1) / 2 + (4 if upright else -5):g}" '
        f'font-size="11" font-style="italic" text-anchor="{"start" if upright else "middle"}">{escape(carries)}</text>'
    )
    return (
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-opacity=".6" marker-end="url(#tip)"/>'
        f"{text if carries else ''}"
    )


def diagram(name: str) -> str:
    """The drawing of a name, for a page."""
    known = {
        "episode": lambda: EPISODE,
        "training": lambda: TRAINING,
        "preprocessing": preprocessing,
        "system": lambda: SYSTEM,
    }
    return f'<figure style="width: 100%; overflow-x: auto" tabindex="0">{draw(known[name]())}</figure>\n'
