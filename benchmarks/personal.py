"""What a person's answers are worth to an agent: made-up people with a known taste, unseen photos, the true utility.

For each person and seed: the agent of `experiment=personal_bootstrap`, which knows nothing of them; pairs of crops of
the training photos; their answers, with noise, ties and a lean to one side (`apsi.preference.simulated`);
`task=fit_preference`; `experiment=personal_finetune` from the first agent's weights. Then the true utility, which no
part of this has seen, of what each agent makes of the test photos, beside the photos as they are and the best crop of
the grid (edits: greedy) by the true utility itself. `share` is (personal - bootstrap) / (search - bootstrap);
intervals are from resampling photos and seeds. Person `high_contrast` edits light and colour in place of cropping.

    python benchmarks/personal.py --photos FOLDER [--people NAME ...] [--answers 100 300] [--human 0.3] [--seeds 42]

Everything runs as a user would run it, in DIR, and what is there is not made again. The last line is JSON.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.env.crop import Framing
from apsi.interval import Sample, difference_interval, mean_interval
from apsi.juror.framed import FramedPhoto
from apsi.photo import Floats, Photo
from apsi.photo.read import read_photo
from apsi.photo.resample import shrunk
from apsi.policy.crops import anchor_recipes, outcomes_of
from apsi.preference.folder import PreferenceFolder
from apsi.preference.photos import framed
from apsi.preference.simulated import TASTES, SimulatedPerson, answers_of, typical
from apsi.transform.action_set import DiscreteActions
from apsi.transform.recipe import Recipe

EDITS = ("high_contrast",)
RUN = Path(__file__).parents[1] / "run.py"
SIZE = 512  # longer side, in pixels, at which tastes look


@dataclass(frozen=True)
class Chain:
    """The commands for one person."""

    photos: Path
    out: Path
    taste: str
    seed: int
    more: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Ending of the presets' names."""
        return "_edits" if self.taste in EDITS else ""

    @property
    def own(self) -> Path:
        """The folder of the seed."""
        return self.out / f"seed {self.seed}"

    def run(self, name: str, *overrides: str) -> Path:
        """The folder of a run, which is made where it is not there yet."""
        task = next((one.partition("=")[2] for one in overrides if one.startswith("task=")), "pipeline")
        done = self.own / "outputs" / task / name / "done"
        if not done.exists():
            common = ["dataset=folder", f"dataset.path={self.photos}", f"data_dir={self.out / 'data'}", "tracking=none"]
            common += [f"output_dir={self.own / 'outputs'}", f"run_name={name}", f"seed={self.seed}"]
            common += ["resume=auto", "evaluate.images=0", "quiet=true"]
            command = [sys.executable, str(RUN), *overrides, *common, *self.more]
            print(" ".join(command), file=sys.stderr)
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            done.write_text(json.loads(said)["folder"], encoding="utf-8")  # another one where it was interrupted
        return Path(done.read_text(encoding="utf-8"))

    def bootstrap(self) -> Path:
        """The agent that knows nothing of the person; one for all who crop."""
        return self.run(f"bootstrap{self.kind}", f"experiment=personal_bootstrap{self.kind}")

    def personal(self, answers: int, human: float, start: Path) -> Path:
        """The agent that goes on under what was learned from so many answers."""
        name = f"{self.taste}-{answers}"
        preferences = self.own / "preferences" / name
        own = f"preference_dir={preferences}"
        if not (preferences / "answers").exists():
            kinds = (f"experiment=personal_pairs{self.kind}", "task=make_pairs", "task.split=train")
            self.run(f"pairs-{name}", *kinds, f"task.count={answers}", own)
            self.answer(PreferenceFolder(preferences), name)
        fit = self.run(f"fit-{name}", "task=fit_preference", own)
        weights = [f"juror.weights.aesthetic={1 - human}", f"juror.weights.human={human}"]
        path = f"juror.jurors.human.path={fit / 'preference.npz'}"
        return self.run(
            f"personal-{name}-{human}",
            *(f"experiment=personal_finetune{self.kind}", f"init_from={start}", path, *weights),
        )

    def answer(self, folder: PreferenceFolder, name: str) -> None:
        """The person answers all pairs."""
        pairs = list(folder.require_pairs().values())
        tastes: dict[str, float] = {}
        for pair in pairs:
            original = read_photo(self.photos / pair.left.name)
            for version in (pair.left, pair.right):
                tastes[version.key] = TASTES[self.taste](framed(original, version.steps, SIZE))
        person = SimulatedPerson(self.taste)
        folder.add_answers(answers_of(person, pairs, typical(tastes, pairs), annotator=name))


def recipes(folder: Path, policy: str) -> dict[str, Recipe]:
    """What a policy did to each test photo."""
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["policy"] == policy]
    return {row["photo"]: Recipe.of(row["recipe"].split()) for row in rows}


def utilities(taste: str, photos: dict[str, Photo], folders: Sequence[Path], policy: str) -> Floats:
    """True utility of what a policy did to each photo, in one run a seed, `(seeds, photos)`."""
    done = [recipes(folder, policy) for folder in folders]
    return np.array(
        [[TASTES[taste](framed(photo, each[name], SIZE)) for name, photo in photos.items()] for each in done]
    )


def searched(taste: str, photos: dict[str, Photo], kind: str) -> Floats:
    """True utility of the best that can be done to each photo within one step more than the grid, or all edits."""
    return np.array([_best(taste, photo, kind) for photo in photos.values()])


def _best(taste: str, photo: Photo, kind: str) -> float:
    config = load_config([f"experiment=personal_bootstrap{kind}", "dataset=folder", "dataset.path=."])
    judge = TASTES[taste]
    if not kind:
        framing: Framing = instantiate(config.env)
        begun = framing.begin(shrunk(photo, SIZE), DiscreteActions(["crop_left(+0.050)"]))
        states = outcomes_of(begun, anchor_recipes(12, 0.5))
        return max(judge(FramedPhoto(shrunk(photo, SIZE))), *(judge(state.framed) for state in states))
    edited = shrunk(photo, SIZE)
    labels = list(config.transform.labels)
    best = judge(FramedPhoto(edited))
    for _ in range(config.env.max_steps):
        tried = [recipe(edited) for recipe in (Recipe.of([label]) for label in labels)]
        values = [judge(FramedPhoto(one)) for one in tried]
        if max(values) <= best:
            break
        best, edited = max(values), tried[int(np.argmax(values))]
    return float(best)


def measure(chains: Sequence[Chain], counts: Sequence[int], human: float) -> dict[str, Any]:
    """Figures of one person by policy and number of answers, of one chain a seed."""
    photos, taste, kind = chains[0].photos, chains[0].taste, chains[0].kind
    starts = [chain.bootstrap() for chain in chains]
    whole = {name: read_photo(photos / name) for name in sorted(recipes(starts[0], "agent"))}
    best = searched(taste, whole, kind)
    nothing = np.array([TASTES[taste](framed(photo, Recipe(), SIZE)) for photo in whole.values()])
    figures: dict[str, Any] = {"photos": len(whole), "nothing": _mean(nothing[None]), "search": _mean(best[None])}
    for policy in ("agent", "expected_improvement" if kind else "shortlist"):
        before = utilities(taste, whole, starts, policy)
        figures[policy] = {"bootstrap": _mean(before)}
        for count in counts:
            taught = [chain.personal(count, human, start) for chain, start in zip(chains, starts, strict=True)]
            after = utilities(taste, whole, taught, policy)
            figures[policy][str(count)] = {"personal": _mean(after), **_share(before, after, best)}
    return figures


def _mean(values: Floats) -> dict[str, Any]:
    return {"mean": round(float(values.mean()), 3), "ci95": _rounded(mean_interval(_sample(values)))}


def _share(before: Floats, after: Floats, best: Floats) -> dict[str, Any]:
    """How much of what a search gains over the bootstrap the personal agent does, and how sure that is."""
    gained, possible = after - before, best - before
    rng, (seeds, photos) = np.random.default_rng(0), before.shape
    drawn = [np.ix_(rng.integers(seeds, size=seeds), rng.integers(photos, size=photos)) for _ in range(2000)]
    shares = [gained[some].mean() / possible[some].mean() for some in drawn]
    return {
        "share": round(float(gained.mean() / possible.mean()), 3),
        "share_ci95": [round(float(end), 3) for end in np.quantile(shares, [0.025, 0.975])],
        "share_by_seed": [round(float(share), 3) for share in gained.mean(axis=1) / possible.mean(axis=1)],
        "gain_ci95": _rounded(difference_interval(_sample(before), _sample(after), rates=False)),
    }


def _sample(values: Floats) -> Sample:
    return Sample.of(values.tolist(), [[str(i) for i in range(values.shape[1])]] * len(values))


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(float(end), 3) for end in interval]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder")
    parser.add_argument("--people", nargs="+", choices=list(TASTES), default=list(TASTES))
    parser.add_argument("--answers", nargs="+", type=int, default=[100, 300])
    parser.add_argument("--human", type=float, default=0.3, help="weight of the person in the juror of stage 3")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42])
    parser.add_argument("--out", type=Path, help="where it is made; by default a temporary folder")
    parser.add_argument("overrides", nargs="*", help="for all commands, such as device.threads=1")
    options = parser.parse_args()
    if options.photos is None:
        print(json.dumps({"skipped": "name a folder of photos with --photos"}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        out = (options.out or Path(temporary)).resolve()
        photos = options.photos.resolve()
        people = {
            taste: [Chain(photos, out, taste, seed, tuple(options.overrides)) for seed in options.seeds]
            for taste in options.people
        }
        figures = {taste: measure(chains, options.answers, options.human) for taste, chains in people.items()}
    print(json.dumps({"human": options.human, "seeds": options.seeds, "people": figures}))


if __name__ == "__main__":
    main()
