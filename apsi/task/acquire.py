"""Getting a data set, and nothing else."""

from omegaconf import DictConfig

from apsi.acquire.keep import RECORD
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.dataset.archive import Archive
from apsi.errors import ApsiError
from apsi.photo.write import write_text
from apsi.task.rehearse import require_writable
from apsi.tracking.run_folder import RunFolder


def acquire(config: DictConfig, folder: RunFolder) -> dict[str, int]:
    """Acquires the data set, or finds it; returns how many photos, skipped files, files and bytes it has.

    The run's folder gets `acquired.json`: sources with their digests, licence, citation, date.
    """
    dataset = instantiate(config.dataset)
    if not isinstance(dataset, Archive):
        raise ApsiError(
            "dataset=sample and dataset=folder are here already, there is nothing to acquire; choose dataset=archive "
            "dataset.url=URL, or one of the data sets made of it, such as dataset=bsds500"
        )
    require_writable("data_dir", config.data_dir)
    acquired = dataset.acquire()
    listing = dataset.listing()
    write_text(folder.path / RECORD, (acquired.folder / RECORD).read_text(encoding="utf-8"))
    show(f"{dataset.name}: {len(listing.files):,} photos in {acquired.folder}")
    show(f"{acquired.files:,} files, {acquired.size:,} bytes; {len(listing.skipped):,} files are no photos")
    for url, fetched in acquired.sources:
        show(f"{url}: {fetched.size:,} bytes, SHA-256 {fetched.sha256}")
    show(f"Licence: {dataset.info.get('licence', 'not given; find out what you may do with these photos')}")
    if "citation" in dataset.info:
        show(f"Cite: {dataset.info['citation']}")
    return {
        "photos": len(listing.files),
        "skipped": len(listing.skipped),
        "files": acquired.files,
        "bytes": acquired.size,
    }
