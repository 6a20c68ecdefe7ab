"""What may be typed as it is, though Hydra's grammar wants it quoted: paths, texts, lists of photos."""

import re
from pathlib import Path

_TEXTS = (
    "dataset.path",
    "dataset.annotations",
    "dataset.root",
    "crops.root",
    "crops.annotations",
    "crops.order",
    "checkpoint",
    "recipe",
    "out",
    "language",
    "resume",
    "init_from",
    "run_id",
    "data_dir",
    "preference_dir",
    "output_dir",
    "score_cache_dir",
    "feature_extractor.weights",
    "evaluate.require",
)
_JUROR_TEXTS = re.compile(r"((second|crop)_)?juror(\.jurors\.\w+)?\.(path|head|tower|url|backbone\.weights)")


def quote(argument: str) -> str:
    """`dataset.path=~/Grün, 2024` and other texts as Hydra's grammar wants them; anything else as it is."""
    key, given, value = argument.partition("=")
    if key == "photo" and value[:1] == "[" and value[-1:] == "]" and not re.search("['\"]", value):
        return f"photo=[{','.join(_quoted(name.strip()) for name in value[1:-1].split(','))}]"
    if key == "photo" and value and value[0] not in "'\"[" and value != "null":
        return f"photo={_quoted(value)}"
    is_text = key in _TEXTS or _JUROR_TEXTS.fullmatch(key)
    if not given or not is_text or re.fullmatch(r"[\w./-]*", value, re.ASCII) or value[0] in "'\"":
        return argument
    return f"{key}={_quoted(value)}"


def _quoted(text: str) -> str:
    escaped = re.sub(r"^~(?=/|$)", str(Path.home()).replace("\\", r"\\"), text).replace("'", r"\'")
    return f"'{escaped}'"
