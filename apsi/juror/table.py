"""The table of jurors in docs/, made from what each says about itself."""

import yaml
from hydra.utils import get_class

from apsi.config.compose import CONFIG_DIR
from apsi.juror.base import About


def markdown() -> str:
    """One row an option of `juror=`, by name."""
    rows = [
        "| juror= | better is | native range | to 0-10 | reference | licence |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted((CONFIG_DIR / "juror").glob("*.yaml")):
        target = yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"]
        about = getattr(get_class(target), "about", None)
        assert isinstance(about, About)
        better = "higher" if about.higher_is_better else "lower"
        cells = [f"`{path.stem}`", better, about.native_range, about.mapping, about.reference, about.licence]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(markdown())
