"""The pages' pictures of a report, the studio, pairs, browsing and MLflow, as Chromium shows them.

    python docs/screenshots.py [FOLDER]

trains small agents on the sample photos in FOLDER, or in a temporary one, serves what came out on free ports of this
machine, and writes `docs/assets/screenshots/NAME.webp`, each below 150 kB. What FOLDER has from an earlier call is
taken again. Needs Chromium, and `pip install 'apsi[studio,browser]'`.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from apsi.dataset.sample import Sample
from apsi.photo.read import read_photo
from apsi.photo.write import write_png
from apsi.transform.recipe import Recipe

PLACE = Path(__file__).with_name("assets") / "screenshots"
ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES = 150_000
_QUALITIES = (85, 75, 65, 50)
_PATIENCE = 300  # seconds for a server, or for what a page has to show
_DARK = ("matplotlib/grace_hopper.jpg", ("exposure_error(-1.50)",))
"""The photo that is given to the studio, and the flaw that it gets"""

_MLFLOW_AS_LEFT = """
localStorage.setItem('mlflow.workflowType_v1', '"machine_learning"');
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""
"""What MLflow's page remembers of a visitor who trains models and has closed its assistant"""

RUNS = (
    ("task=make_pairs", "dataset=sample"),
    ("debug=tiny", "train.total_timesteps=2048", "algo=dqn"),
    ("debug=tiny", "train.total_timesteps=2048", "algo=ppo"),
)
"""What is run before: pairs to choose between, and two small trainings, the first of which is reported"""


@dataclass(frozen=True)
class Screen:
    """A window that pages are shown in."""

    name: str
    width: int
    height: int
    scheme: str
    scale: float = 1

    def open(self, browser: Any) -> Any:
        """An empty page, of a visitor of its own."""
        size = {"width": self.width, "height": self.height}
        context = browser.new_context(
            viewport=size, color_scheme=self.scheme, device_scale_factor=self.scale, reduced_motion="reduce"
        )
        page = context.new_page()
        page.set_default_timeout(1000 * _PATIENCE)
        return page


WIDE, WIDE_DARK, PHONE = (
    Screen("wide", 1400, 900, "light"),
    Screen("wide_dark", 1400, 900, "dark"),
    Screen("phone", 400, 800, "dark", 1.5),
)


def main(work: Path | None = None, place: Path = PLACE) -> None:
    """Runs, serves and takes all pictures."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("docs/screenshots.py needs playwright: pip install 'apsi[browser]'")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("docs/screenshots.py needs Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        work = Path(temporary) if work is None else work.resolve()
        if not (work / "outputs").exists():
            for run in RUNS:
                subprocess.run([*_apsi(work), *run], cwd=ROOT, check=True)
        place.mkdir(parents=True, exist_ok=True)
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for take in (report, studio, annotate, browse, mlflow):
            take(browser, work, place)
        browser.close()


def report(browser: Any, work: Path, place: Path) -> None:
    """The upper part of the report of the first training."""
    path = min(work.glob("outputs/pipeline/*/report.html"))
    for screen in (WIDE, PHONE):
        page = screen.open(browser)
        page.goto(path.as_uri())
        _save(page, place / f"report_{screen.name}.webp")


def studio(browser: Any, work: Path, place: Path) -> None:
    """Advice on a photo that is too dark."""
    name, flaw = _DARK
    (path,) = [file.path for file in Sample(enlarge={}).listing().files if file.name == name]
    photo = work / "too_dark.png"
    shown = "document.querySelector('.panel .after')?.naturalWidth > 0"
    write_png(photo, Recipe.of(flaw)(read_photo(path)))
    with _served([*_apsi(work), "task=studio", "task.port=0"]) as url:
        for screen in (WIDE, WIDE_DARK, PHONE):
            page = screen.open(browser)
            page.goto(url)
            page.set_input_files("#choose", str(photo))
            _until(lambda page=page: page.evaluate(shown), "the studio's advice")
            page.wait_for_timeout(1500)
            _save(page, place / f"studio_{screen.name}.webp")


def annotate(browser: Any, work: Path, place: Path) -> None:
    """Two crops to choose between."""
    shown = "!document.getElementById('work').hidden && document.querySelectorAll('.frame img').length === 2"
    with _served([*_apsi(work), "task=annotate", "dataset=sample", "task.port=0"]) as url:
        for number, screen in enumerate((WIDE, PHONE)):
            page = screen.open(browser)
            page.goto(f"{url}/annotate/")
            page.fill("#name", f"Visitor {number}")
            page.keyboard.press("Enter")
            _until(lambda page=page: page.evaluate(shown), "two pictures to choose between")
            page.wait_for_timeout(1500)
            _save(page, place / f"annotate_{screen.name}.webp")


def browse(browser: Any, work: Path, place: Path) -> None:
    """All prepared photos; on a phone, one of them."""
    ready = "document.body.dataset.ready === 'true' && document.querySelectorAll('.cell img').length > 5"
    with _served([*_apsi(work), "task=browse", "task.port=0", f"task.cache_dir={work / 'cache'}"]) as url:
        for screen in (WIDE, WIDE_DARK, PHONE):
            page = screen.open(browser)
            page.goto(f"{url}/browse/")
            _until(lambda page=page: page.evaluate(ready), "photos to browse")
            page.wait_for_timeout(2500)
            if screen is not WIDE:
                page.query_selector(".cell").click()
                page.wait_for_timeout(2500)
            _save(page, place / f"browse_{screen.name}.webp")


def mlflow(browser: Any, work: Path, place: Path) -> None:
    """The list of runs, and the curves of one of them."""
    store = f"sqlite:///{work / 'outputs' / 'mlflow.db'}"
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("apsi").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    run = runs[-1]
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store, "--workers", "1"]
    with _served([*command, "--port", str(_free_port())], r"running on (http://127.0.0.1:\d+)") as url:
        for name, address, height, shown in (
            ("runs", "/runs", 560, f"document.body.innerText.includes('{run.info.run_name[:8]}')"),
            (
                "curves",
                f"/runs/{run.info.run_id}/model-metrics",
                900,
                "document.querySelectorAll('.main-svg').length > 5",
            ),
        ):
            page = Screen(name, 1400, height, "light").open(browser)
            page.add_init_script(_MLFLOW_AS_LEFT)
            page.goto(f"{url}/#/experiments/{experiment}{address}", wait_until="commit")
            _until(lambda page=page, shown=shown: page.evaluate(shown), f"MLflow's {name}")
            if name == "curves":
                page.get_by_placeholder("Search metric charts").fill("eval/")
            page.wait_for_timeout(5_000)
            _save(page, place / f"mlflow_{name}.webp")


def _apsi(work: Path) -> list[str]:
    places = [
        f"{key}={work / name}"
        for key, name in (("output_dir", "outputs"), ("data_dir", "data"), ("preference_dir", "preferences"))
    ]
    return [sys.executable, str(ROOT / "run.py"), *places]


@contextmanager
def _served(command: list[str], says: str = r"(http://127.0.0.1:\d+)") -> Iterator[str]:
    """The address of a server that runs for the length of a `with`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, start_new_session=True, env=_environment()
        )

        def address() -> str | None:
            said.seek(0)
            text = said.read()
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended:\n{text}")
            found = re.search(says, text)
            return found[1] if found else None

        try:
            yield _until(address, "the address of a server")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "300", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _until(look: Callable[[], Any], what: str) -> Any:
    """What `look` returns once it is something."""
    end = time.monotonic() + _PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {_PATIENCE} seconds")
        time.sleep(0.2)
    return found


def _save(page: Any, path: Path) -> None:
    """What a page shows, in the best quality that is small enough."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in _QUALITIES:
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size < MAX_BYTES:
            break
    else:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes; take a smaller window")
    print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
