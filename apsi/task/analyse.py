"""Looking at a data set: quality, scores, copies, groups, neighbours."""

from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig
from pydantic import PositiveInt
from rich.table import Table
from rich.text import Text

from apsi.analyse.agent_features import agent_features
from apsi.analyse.analysis import Analysis, Files
from apsi.analyse.analysis import analyse as look_at
from apsi.analyse.embedding import Embedder, Layout, Network
from apsi.analyse.files import CSV_FILE, JSON_FILE, as_numbers, write_files
from apsi.analyse.material import Material
from apsi.analyse.page import PAGE, headline, remarks, write_page
from apsi.analyse.quality import Limits
from apsi.analyse.structure import Map, require_map
from apsi.config.build import prepare
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.juror.neural import NeuralJuror
from apsi.task.rehearse import rehearse_preparing, require_writable
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import report_prepared

Features = Literal["auto", "layout", "juror", "agent"]
_NAMED = 3
"""Photos of a finding that are named on screen"""


def analyse(
    config: DictConfig,
    folder: RunFolder,
    *,
    prepared: str | None,
    clusters: PositiveInt | None,
    map: Map,
    features: Features,
    backbone: NeuralJuror | None,
    limits: Limits,
) -> dict[str, Any]:
    """Looks at the photos of `dataset=`, prepared as for training, or of a folder that was prepared.

    Writes `analysis.html`, `analysis.json` and `analysis.csv`.

    Returns:
        What `analysis.json` holds.

    Raises:
        ApsiError: a setting that can't be used, no usable photo, or a folder that is no prepared one.
    """
    analysis = find(
        config,
        folder,
        prepared=prepared,
        clusters=clusters,
        map=map,
        features=features,
        backbone=backbone,
        limits=limits,
    )
    write_files(folder.path, analysis)
    write_page(folder.path / PAGE, analysis, seed=config.data_seed)
    show(
        _table(analysis),
        *map_texts(headline(analysis), *remarks(analysis)),
        *map_texts(*(str(folder.path / name) for name in (PAGE, JSON_FILE, CSV_FILE))),
    )
    return as_numbers(analysis)


def find(
    config: DictConfig,
    folder: RunFolder,
    *,
    prepared: str | None,
    clusters: int | None,
    map: Map,
    features: Features,
    backbone: NeuralJuror | None,
    limits: Limits,
) -> Analysis:
    """What `task=analyse` shows.

    Raises:
        ApsiError: as `analyse`.
    """
    require_map(map)
    embedder = embedder_of(config, features, backbone)
    require_writable("data_dir", config.data_dir)
    dataset, steps = instantiate(config.dataset), instantiate(config.preprocess)
    listing = dataset.listing()
    if prepared is None:
        rehearse_preparing(config)
        done = prepare(config)
        report_prepared(done, folder)
        place = done.folder
    else:
        place = Path(prepared).expanduser()
        folder.note(prepared=[str(place.resolve())])  # which task=clean leaves as long as the run stays
    with steps.engine as engine:
        return look_at(
            Material.load(place),
            embedder,
            engine,
            files=Files({file.name: file.path for file in listing.files}, dataset.max_pixels),
            limits=limits,
            clusters=clusters,
            map=map,
            seed=config.data_seed,
            store=Path(config.data_dir).expanduser(),
        )


def embedder_of(config: DictConfig, features: Features, backbone: NeuralJuror | None) -> Embedder:
    """What places the photos: a backbone, the network of the juror or of the agent, or colours and edges by place.

    Raises:
        ApsiError: two of them are asked for, the juror has no network, or one can't be loaded.
    """
    if backbone is not None and features != "auto":
        raise ApsiError(f"task.features={features} and task.backbone both say what photos are placed by: leave one out")
    if features == "layout":
        return Layout()
    if features == "agent":
        return agent_features(config)
    network = backbone
    if network is None:
        juror = instantiate(config.juror)
        network = juror if isinstance(juror, NeuralJuror) else None
    if network is None and features == "juror":
        raise ApsiError(
            "task.features=juror: this juror has no network of its own. Choose one that has, such as onnx, or "
            "a network without scores: juror/backbone@task.backbone=resnet18 task.backbone.weights=FILE.pth"
        )
    if network is None:
        return Layout()
    network.warm_up()
    return Network(network)


def map_texts(*lines: str) -> list[Text]:
    """Lines for the screen, in which nothing is markup."""
    return [Text(line) for line in lines]


def _table(analysis: Analysis) -> Table:
    table = Table(title=f"Findings about {len(analysis.material.photos):,} photos")
    for column in ("check", "photos", "the clearest"):
        table.add_column(column, justify="right" if column == "photos" else "left", overflow="fold")
    for finding in analysis.findings:
        clearest = ", ".join(analysis.material.photos[i].name for i in finding.photos[:_NAMED])
        table.add_row(finding.check.title, str(len(finding.photos)), Text(clearest))
    return table
