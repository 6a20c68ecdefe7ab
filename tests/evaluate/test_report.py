"""The report says in words what came out, of how many photos, and shows every policy's pictures with their names."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from apsi.evaluate.outcome import caution, cost, headline, photos_and_copies, sentences
from apsi.evaluate.report import write_report
from apsi.evaluate.run import write_summary
from apsi.evaluate.summary import PolicySummary, as_dict, summarise
from apsi.evaluate.video import write_video
from apsi.photo.write import write_png
from apsi.policy.rollout import EpisodeResult
from apsi.tracking.none import NoTracker
from apsi.tracking.run_folder import RunFolder

Results = dict[str, list[EpisodeResult]]
FACTS = {
    "split": "test",
    "episodes": 3,
    "photos": 3,
    "trained_on": 0,
    "chosen_by": False,
    "dataset": "<script>alert(1)</script>",
    "juror": "redness",
    "seed": 1,
    "seconds": {"train": 60.0},
    "train_timesteps": 1000,
    "degraded": True,
    "diagnosis": None,
}
HISTORY = [{"timesteps": 500, "val_success_rate": 0.5, "val_mean_gain": 0.1, "train_success_rate": None}]


class Page(HTMLParser):
    """What a page holds, checked while it is read: all tags are closed in the order in which they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "wbr", "link", "source"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            if self.words and self.tags[-1][0] == "wbr":
                self.words[-1] += data
            else:
                self.words.append(data)

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of this name."""
        return [values for name, values in self.tags if name == tag]


def report(
    folder: Path,
    results: Results,
    history: Sequence[Any] = (),
    summaries: dict[str, PolicySummary] | None = None,
    **facts: Any,
) -> str:
    path = folder / "report.html"
    summaries = summaries or {name: summarise(played) for name, played in results.items()}
    write_report(
        path,
        summary={**FACTS, "episodes": len(next(iter(results.values()))), **facts},
        summaries=summaries,
        results=results,
        shown=next(iter(results)),
        achieved="repaired",
        history=history,
        config="seed: 1",
    )
    return path.read_text()


def test_the_report_shows_everything_and_needs_no_other_file(results: Results, tmp_path: Path) -> None:
    write_png(tmp_path / "images" / "a.png", results["greedy"][0].frames[0].photo)
    write_video(tmp_path / "images" / "training.mp4", [tmp_path / "images" / "a.png"])
    text = report(tmp_path, results, HISTORY)
    page = Page(text)
    sources = re.findall(r"(?:src|href)=\"(.{0,30})", text)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert sum(source.startswith("data:video/mp4;base64,") for source in sources) == 1
    assert text.count("<svg") == 5
    assert not re.search(r"url\((?!#)|@import", text)
    assert not page.all("script") and not page.all("link")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_every_picture_is_named_and_a_policy_that_did_nothing_repeats_none(results: Results, tmp_path: Path) -> None:
    page = Page(report(tmp_path, results))
    pictures = page.all("img")
    assert len(pictures) == 2 * 3 + 2 * 3  # above and on the card of each of two episodes: original, copy, greedy's
    assert all(picture["alt"] and picture["alt"].startswith(("0.jpg", "1.jpg")) for picture in pictures)
    assert len(page.all("figure")) == len(page.all("figcaption")) > 6
    assert "Degraded by swap_rb. Left as it was by nothing" in page.text
    assert "0.jpg" in page.text and "1.jpg" in page.text


def test_photos_that_nobody_degraded_are_shown_once_as_original(results: Results, tmp_path: Path) -> None:
    plain = {
        name: [replace(r, episode=replace(r.episode, degradation=(), original=r.episode.photo)) for r in played]
        for name, played in results.items()
    }
    page = Page(report(tmp_path, plain))
    assert len(page.all("img")) == 2 * 2 + 2 * 2
    assert "degraded copy" not in page.text.partition("Words on this page")[0]
    assert "greedy repaired 3 of 3 photos" in page.text.lower()


def test_steps_in_between_are_folded_and_only_shown_where_there_are_some(results: Results, tmp_path: Path) -> None:
    first = results["greedy"][0]
    more = replace(first, frames=(*first.frames, first.frames[0], first.frames[1]))
    once, thrice = report(tmp_path, results), report(tmp_path, {"greedy": [more, *results["greedy"][1:]]})
    assert "Step by step" not in once and "Step by step" in thrice
    folded = [part.partition("</details>")[0] for part in thrice.split("<details>")[1:]]
    assert any("Step by step" in part and part.count("<img") == 3 for part in folded)


def test_many_adjustments_are_counted_beside_the_end_and_listed_step_by_step(results: Results, tmp_path: Path) -> None:
    labels = tuple(f"contrast(+0.{i:03d})" for i in range(9))
    first = results["greedy"][0]
    frames = (first.frames[0], replace(first.frames[1], label=" ".join(labels)))
    adjusted = replace(first, frames=frames, actions=labels)
    text = report(tmp_path, {"greedy": [adjusted, *results["greedy"][1:]]})
    ends, _, steps = text.partition("Step by step")
    assert "9 edits, see step by step" in ends and labels[3] not in ends and labels[3] in steps
    words = re.findall(r"<dt>([^<]+)</dt>", text)
    assert "name(+0.25)" in words and not any(word.startswith("contrast") for word in words)
    assert len(re.findall(r">contrast</text>", text)) == 1


def test_all_but_the_first_few_episodes_are_folded(results: Results, tmp_path: Path) -> None:
    text = report(tmp_path, {name: 4 * played[:2] for name, played in results.items()})
    shown, _, folded = text.partition("<summary>2 further episodes</summary>")
    assert shown.count("<article") == 6 and folded.count("<article") == 2
    assert Page(text).text.count("Degraded by") == 8


def test_the_configuration_is_folded_and_words_are_explained(results: Results, tmp_path: Path) -> None:
    text = report(tmp_path, results)
    configuration = text.partition("<summary>Configuration</summary>")
    assert configuration[0].rstrip().endswith("<details>") and "seed: 1" in configuration[2]
    words = re.findall(r"<dt>([^<]+)</dt>", text)
    assert {"photo", "degraded copy", "juror", "success", "greedy", "nothing", "swap_rb"} <= set(words)
    assert len(words) == len(set(words))


def test_tables_have_headings_and_scroll_in_their_own_container(results: Results, tmp_path: Path) -> None:
    page = Page(report(tmp_path, results))
    regions = [values for values in page.all("div") if values.get("role") == "region"]
    assert len(regions) == len(page.all("table")) == 4
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert {values["scope"] for values in page.all("th")} == {"col", "row"}


def test_with_one_photo_the_page_says_that_there_is_no_interval(results: Results, tmp_path: Path) -> None:
    page = Page(report(tmp_path, {name: 5 * played[:1] for name, played in results.items()}))
    assert "Greedy repaired 5 of 5 degraded copies of 1 photo" in page.text
    assert "All episodes are of one photo" in page.text and "none: one photo" in page.text
    assert "1 photo (5 degraded copies) of the test split" in page.text


def figures(success: float, **changes: Any) -> PolicySummary:
    usual: dict[str, Any] = {
        "success_ci95": (0.8, 0.9),
        "mean_gain": 4.368,
        "mean_gain_ci95": (4.1, 4.6),
        "mean_steps": 2.09,
        "juror_calls": 210,
        "photos": 45,
        "measures": {},
    }
    return PolicySummary(success_rate=success, **(usual | changes))


def test_the_headline_and_the_sentences_say_what_came_out() -> None:
    facts = {**FACTS, "episodes": 100}
    summaries = {
        "agent": figures(0.86),
        "random": figures(0.063),
        "greedy": figures(1.0, juror_calls=1400),
    }
    assert (
        headline(facts, summaries, "agent", "repaired") == "The agent repaired 86 of 100 degraded copies of 45 photos"
    )
    said = " ".join(sentences(facts, summaries, "agent")).replace("\N{NO-BREAK SPACE}", " ")
    assert "86 % (95 % interval 80 % to 90 %)" in said
    assert "by +4.37 (95 % interval +4.10 to +4.60)" in said and "2.1 edits" in said
    assert "random 6 % and greedy 100 %" in said
    assert "Greedy needs 14.0 juror scores per episode, the agent 2.1" in said
    plain = {**facts, "degraded": False, "episodes": 45}
    assert headline(plain, summaries, "agent", "improved") == "The agent improved 39 of 45 photos"


def test_what_the_gain_cost_is_said_beside_it_where_it_was_measured(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = {"change": (0.0, 3.21), "clipped": (0.014, 0.021)}
    said = "3.2 CIEDE2000 away from the start, clipped pixels 1.4 % → 2.1 %"
    summaries = {"agent": figures(0.86, measures=paid), "nothing": figures(0.0, measures=paid)}
    spoken = " ".join(sentences({**FACTS, "episodes": 100}, summaries, "agent")).replace("\N{NO-BREAK SPACE}", " ")
    assert f"That gain cost {said}." in spoken
    assert cost({"clipped": (0.014, 0.021)}) == cost({**paid, "change": None}) == ""
    measured = {
        name: [replace(result, measures={"distance": (0.1, 0.2), **paid}) for result in played]
        for name, played in results.items()
    }
    page, without = Page(report(tmp_path, measured)).text, Page(report(tmp_path, results)).text
    assert page.replace("\N{NO-BREAK SPACE}", " ").count(said) == 3  # in words, and in a row of each policy
    assert "what the gain cost" not in without and "change" not in re.findall(r"distance (\w+)", page)
    folder = RunFolder(tmp_path)
    folder.note(command="python run.py")
    policies = as_dict({name: summarise(played) for name, played in measured.items()})
    write_summary({"split": "test", "episodes": 3, "photos": 3, "policies": policies}, folder, NoTracker())
    assert f"nothing: +0.00 of score for {said}" in " ".join(capsys.readouterr().out.split())


def test_photos_that_were_not_degraded_have_a_row_of_their_own(results: Results, tmp_path: Path) -> None:
    near = {"CIEDE2000": (9.0, 6.0), "PSNR": (20.0, 22.0), "SSIM": (0.8, 0.9), "GMS": (0.9, 0.95)}
    played = [replace(result, measures=near) for result in results["greedy"]]
    alone = [
        replace(result, measures={name: (pair[0], pair[0] - 7) for name, pair in near.items()}) for result in played
    ]
    summaries = {"greedy": summarise(played, alone)}
    page = Page(report(tmp_path, {"greedy": played}, summaries=summaries)).text
    assert "greedy, not degraded" in page and "9.0 → 6.0" in page and "9.0 → 2.0" in page
    assert "not degraded" not in Page(report(tmp_path, {"greedy": played})).text.partition("Distance to the true")[2]


@pytest.mark.parametrize(
    ("photos", "episodes", "degraded", "said"),
    [
        (1, 100, True, "1 photo (100 degraded copies)"),
        (45, 222, True, "45 photos (222 degraded copies)"),
        (1, 1, True, "1 photo (1 degraded copy)"),
        (45, 45, False, "45 photos"),
        (45, 90, False, "45 photos (90 versions)"),
    ],
)
def test_photos_are_not_confused_with_their_copies(photos: int, episodes: int, degraded: bool, said: str) -> None:
    assert photos_and_copies(photos, episodes, degraded) == said


@pytest.mark.parametrize(
    ("facts", "photos", "said"),
    [
        ({"trained_on": 3}, 50, "trained on"),
        ({"trained_on": 1, "chosen_by": True}, 1, "trained on"),
        ({"chosen_by": True}, 50, "optimistic"),
        ({}, 1, "one photo"),
    ],
)
def test_what_figures_can_not_say_is_said(facts: dict[str, object], photos: int, said: str) -> None:
    assert said in caution(FACTS | facts, photos)
    assert caution({**FACTS, "split": "all"}, 50) == ""  # of another collection
