"""The picture that a report opens with."""

from dataclasses import replace

from apsi.evaluate.opening import opening
from apsi.policy.rollout import EpisodeResult

Results = dict[str, list[EpisodeResult]]


def test_it_shows_the_original_what_came_in_and_every_edit_in_words(results: Results) -> None:
    story = opening(results["greedy"], "repaired")[0]
    assert story.outcome == "repaired with 1 edit"
    assert [state.title for state in story.states] == ["The original", "What came in", "Edit 1"]
    assert [state.detail for state in story.states] == [
        "",
        "The colours look exchanged (swap_rb).",
        "The colours look exchanged: swap red and blue.",
    ]
    assert [state.state for state in story.states] == ["", "", "success"]


def test_what_was_not_repaired_says_so(results: Results) -> None:
    story = opening(results["nothing"], "repaired")[0]
    assert story.outcome == "not repaired, after no edit"
    assert [state.title for state in story.states] == ["The original", "What came in"]


def test_each_photo_is_shown_once_by_its_first_episode_with_pictures(results: Results) -> None:
    first, second, third = results["greedy"]
    assert not third.frames
    copy = replace(second, episode=replace(second.episode, copy_of=first.episode.photo_hash))
    assert [story.photo for story in opening([first, copy, second, third], "repaired")] == ["0.jpg", "1.jpg"]
    assert opening([third], "repaired") == []


def test_of_many_edits_the_last_are_shown(results: Results) -> None:
    first = results["greedy"][0]
    long = replace(first, frames=first.frames + 7 * first.frames[1:])
    titles = [state.title for state in opening([long], "repaired")[0].states]
    assert titles == ["The original", "What came in", "Edit 4", "Edit 5", "Edit 6", "Edit 7", "Edit 8"]
    many = replace(first, frames=(first.frames[0], replace(first.frames[1], label="swap_rb invert_r invert_g")))
    assert opening([many], "repaired")[0].states[-1].detail == "3 edits at once"
