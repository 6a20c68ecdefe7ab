"""The ranker of crops: what it learns, from a juror or from people, and that it is quick."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from PIL import Image

from apsi.algo.crop_ranker import Annotated, CropRankerPolicy
from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.task.pipeline import pipeline
from apsi.task.rank_crops import rank_crops
from apsi.task.show_crops import show_crops
from apsi.tracking.run_folder import RunFolder
from apsi.transform.crop_actions import grid_anchors
from tests.juror.test_attention import spot

ANCHORS = grid_anchors(12, 0.5)


def network(size: int = 64) -> CropRankerPolicy:
    torch.manual_seed(0)
    policy = CropRankerPolicy(
        gymnasium.spaces.Box(0, 255, (3, size, size), np.uint8),
        gymnasium.spaces.Discrete(len(ANCHORS) + 1),
        lambda _: 1e-3,
        net_arch=[32],
        channels=[8, 8, 8, 8],
        cells=3,
        dropout=0.0,
        boxes=[box.array.tolist() for box in ANCHORS],
    )
    return policy.eval()


def test_a_photo_has_the_same_values_in_any_company_and_stop_is_worth_nothing() -> None:
    policy, photos = network(), torch.randint(0, 255, (5, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        together, alone = policy.q_net(photos), torch.cat([policy.q_net(photo[None]) for photo in photos])
    assert together.shape == (5, len(ANCHORS) + 1) and (together[:, -1] == 0).all()
    assert torch.allclose(together, alone, atol=1e-5)


def test_what_lies_in_a_box_and_around_it_counts_and_what_is_far_off_only_as_left_out() -> None:
    policy = network()
    photo = torch.full((1, 3, 64, 64), 90, dtype=torch.uint8)
    changed = photo.clone()
    changed[:, :, 24:40, 24:40] = 250
    boxes = torch.tensor([[0.2, 0.2, 0.8, 0.8]])
    with torch.no_grad():
        assert not torch.allclose(policy.values(photo, boxes), policy.values(changed, boxes), atol=1e-4)
    own = torch.stack([boxes, boxes + torch.tensor([0.1, 0, 0.1, 0])])
    with torch.no_grad():
        values = policy.values(torch.cat([photo, changed]), own)
    assert values.shape == (2, 1) and values[0] != values[1]


def folder_of_spots(root: Path, count: int = 24) -> list[tuple[str, float, float]]:
    """Photos with a bright disc somewhere."""
    root.mkdir()
    rng = np.random.default_rng(3)
    places = []
    for i in range(count):
        x, y = rng.uniform(0.15, 0.85, 2)
        photo = spot(x, y, 160)
        photo[..., 2] = (photo[..., 2].astype(int) + 3 * i) % 256  # no two are copies
        Image.fromarray(photo).save(root / f"{i:02d}.png")
        places.append((f"{i:02d}.png", float(x), float(y)))
    return places


def scored_crops(places: list[tuple[str, float, float]]) -> str:
    """As CSV: crops score by how near their middle is to the disc."""
    lines = ["photo,x1,y1,x2,y2,score"]
    for name, x, y in places:
        for box in ANCHORS[::6]:
            off = np.hypot((box.x1 + box.x2) / 2 - x, (box.y1 + box.y2) / 2 - y)
            lines.append(f"{name},{box},{5 - 8 * off:.3f}")
    return "\n".join(lines) + "\n"


FRAMES = ["experiment=crop", "tracking=none", "device=cpu", "env.observation_size=[48,48]", "algo.channels=[8,8,8,16]"]
QUICK = ["algo.net_arch=[32]", "algo.cells=3", "algo.dropout=0", "algo.learning_starts=8", "algo.batch_size=16"]
SMALL = [
    *FRAMES,
    *QUICK,
    "env.view_size=64",
    "preprocess.steps.resize.size=160",
    "preprocess.steps.resize.min_side=32",
    "juror=attention",
    "evaluate.images=0",
]


def run(task: Any, root: Path, overrides: list[str], **settings: Any) -> Any:
    dirs = [f"data_dir={root / 'data'}", f"output_dir={root / 'out'}", f"dataset.path={root / 'photos'}"]
    config = load_config([*overrides, "dataset=folder", *dirs])
    return task(config, RunFolder.create(root / "out" / f"{len(list((root / 'out').glob('*')))}", config), **settings)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, float, float]]]:
    """An agent that learned from scored crops, in a folder of its own."""
    root = tmp_path_factory.mktemp("ranker")
    places = folder_of_spots(root / "photos")
    (root / "crops.csv").write_text(scored_crops(places))
    crops = [
        "crops=csv",
        f"crops.root={root / 'photos'}",
        f"crops.annotations={root / 'crops.csv'}",
        "crops.unit=shares",
    ]
    training = ["train.total_timesteps=1600", "train.eval_every=1600", "train.checkpoint_every=1600", "train.images=0"]
    run(pipeline, root, [*SMALL, *training, *crops, "policy=[agent]", "algo.gradient_steps=8"])
    return root, places


@pytest.mark.slow
def test_it_learns_the_order_of_people_and_the_task_tells_how_well(
    learned: tuple[Path, list[tuple[str, float, float]]],
) -> None:
    root, _ = learned
    checkpoint = next((root / "out").rglob("best.zip"))
    crops = [
        "crops=csv",
        f"crops.root={root / 'photos'}",
        f"crops.annotations={root / 'crops.csv'}",
        "crops.unit=shares",
    ]
    settings = {"returned": [1, 4], "best": [5]}
    agent = run(rank_crops, root, ["tracking=none", *crops, f"checkpoint={checkpoint}"], **settings)
    prior = run(rank_crops, root, [*SMALL, *crops, "juror=crop_prior"], **settings)
    assert 2 <= agent["srcc"]["photos"] < 12, "those to validate and test with, which it never saw"
    assert agent["srcc"]["ci95"][0] <= agent["srcc"]["mean"] <= 1
    assert agent["srcc"]["mean"] > prior["srcc"]["mean"] + 0.1 and agent["srcc"]["mean"] > 0.5
    assert {"pcc", "acc_1_5", "acc_4_5", "acc_w_1_5"} <= agent.keys()


def test_what_ranks_no_crops_or_has_none_to_rank_is_told(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(ApsiError, match="add crops=gaicd"):
        run(rank_crops, tmp_path, SMALL, returned=[1], best=[5])
    with pytest.raises(ApsiError, match="task=show_crops is about crops"):
        run(show_crops, tmp_path, ["tracking=none"], photos=3, free_area=0.1)


@pytest.mark.slow
def test_a_page_shows_what_jurors_like_without_limits_and_within_them(
    learned: tuple[Path, list[tuple[str, float, float]]], tmp_path: Path
) -> None:
    root, places = learned
    looks = tmp_path / "fixations.json"
    looks.write_text(json.dumps({name: [[[x, y, 200]]] for name, x, y in places}))
    shown = run(
        show_crops,
        root,
        [*SMALL, "juror@second_juror=naturalness", f"evaluate.fixations={looks}"],
        photos=5,
        free_area=0.05,
    )
    page = next((root / "out").rglob("crops.html")).read_text()
    rows = {(row["juror"], row["limits"]): row for row in shown["jurors"]}
    assert shown["photos"] == 5 and len(rows) == 4 and page.count('<figure class="picture">') == 5 * 5
    within = rows["attention", "limits of env"]
    assert within["area"] >= 0.25 and within["fixations"] > 0.9
    assert rows["naturalness", "no limits"]["area"] < 0.95


def test_photos_to_validate_and_test_with_are_not_learned_from(tmp_path: Path) -> None:
    (tmp_path / "crops.csv").write_text(scored_crops(folder_of_spots(tmp_path / "photos", 4)))
    crops = instantiate(
        load_config(
            [
                "crops=csv",
                f"crops.root={tmp_path / 'photos'}",
                f"crops.annotations={tmp_path / 'crops.csv'}",
                "crops.unit=shares",
            ]
        ).crops
    )
    hashes = [crops.hash_of(f"{i:02d}.png") for i in range(4)]
    annotated = Annotated.read(crops, 8, 8, {hashes[1], hashes[2], "another"})
    assert annotated.originals == {hashes[0], hashes[3]} and len(annotated.photos) == len(annotated.boxes) == 2
    with pytest.raises(ApsiError, match="all 4 photos with scored crops are in the validation or test split"):
        Annotated.read(crops, 8, 8, set(hashes))


def test_values_follow_boxes_under_mirroring() -> None:
    photos = np.zeros((1, 3, 8, 8), np.uint8)
    photos[..., 0] = 255
    annotated = Annotated(photos, [np.array([[0.1, 0.2, 0.4, 0.9]])], [np.array([1.0])], set())
    seen = {
        (bool(drawn[0][0, 0, 0, 0]), tuple(round(float(end), 3) for end in drawn[1][0, 0]))
        for drawn in (annotated.draw(np.random.default_rng(i), 1, 1, mirror=True) for i in range(20))
    }
    left, right = (True, (0.1, 0.2, 0.4, 0.9)), (False, (0.6, 0.2, 0.9, 0.9))
    assert seen == {left, right}
