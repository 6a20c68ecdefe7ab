"""Configurations, with and without Hydra's command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.config import schema
from apsi.config.quoting import quote
from apsi.config.renamed import new_names_for
from apsi.config.trust import require_trust
from apsi.errors import ApsiError, did_you_mean
from apsi.installation import CONFIG_DIR, command

_HYDRAS_OWN_WORDS = ("Config search path:", "provider=", "To append to", "full_key:", "object_type=", "reference_type=")

_FROM_CHECKPOINT_ONLY = ("algo", "feature_extractor", "transform", "juror")
OF_THIS_RUN = (
    "task",
    "acquire",
    "export",
    "recipe",
    "photo",
    "out",
    "strip_gps",
    "explain",
    "language",
    "advise",
    "crop_juror",
    "pairs",
    "select",
    "preference",
    "preference_dir",
    "tracking",
    "device",
    "worker_pool",
    "preprocess.engine",
    "data_dir",
    "output_dir",
    "score_cache_dir",
    "checkpoint",
    "resume",
    "run_id",
    "run_ids",
    "groups",
    "search",
    "trust_checkpoint",
    "run_name",
    "quiet",
    "preflight",
    "metrics_port",
    "metrics_host",
    "evaluate.require",
)


def load_config(overrides: Sequence[str] = ()) -> DictConfig:
    """The configuration that the command line would run with these overrides."""
    with _hydra():
        return with_checkpoint(compose("config", overrides=[quote(override) for override in overrides]), overrides)


def compose_with_hydra(overrides: Sequence[str], own: Path | None) -> DictConfig:
    """The configuration as the command line begins with it: with Hydra's part, and before a checkpoint is followed.

    Args:
        overrides: as `apsi.arguments.prepare` leaves them.
        own: a folder with options of the user's own.
    """
    added = [] if own is None else ["hydra.searchpath=['file://" + str(own).replace("'", r"\'") + "']"]
    with _hydra():
        return compose("config", overrides=[*added, *overrides], return_hydra_config=True)


def _hydra() -> AbstractContextManager[None]:
    """Lets Hydra find apsi's options, where it does not already because a task asks within `run.py`."""
    schema.register()
    return nullcontext() if GlobalHydra.instance().is_initialized() else initialize_config_dir(str(CONFIG_DIR))


def with_checkpoint(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """With `checkpoint=` or a named `resume=`, everything the overrides don't name comes from the checkpoint.

    With `init_from=` nothing does but the weights, those of a pretrained feature extractor among them.

    Raises:
        ApsiError: the checkpoint can't be read, an override names what only the checkpoint decides, or it is from
            elsewhere and brings files or addresses that were not confirmed.
    """
    if config.checkpoint is None and config.resume in (None, "auto", "never"):
        return _with_own_weights(config) if config.init_from is not None else config
    _require_no_beginning(config)
    from apsi.config.instantiate import check
    from apsi.config.saved import checkpoint_to_follow, resume_path
    from apsi.config.trackers import open_tracker

    if config.checkpoint is not None:
        path = Path(config.checkpoint).expanduser()
    else:
        path = resume_path(config.resume, open_tracker(config))
    saved, is_own = checkpoint_to_follow(path)
    _follow_acquire(saved)
    named = list(OF_THIS_RUN)
    for override in overrides:
        choice, _, package = override.lstrip("+~").partition("=")[0].partition("@")
        key = (package or choice).replace("/", ".")
        group = key.partition(".")[0]
        if group in _FROM_CHECKPOINT_ONLY:
            remedy = f", or begin a new run with its weights: init_from={path}" if config.checkpoint is None else ""
            raise ApsiError(f"{override}: the checkpoint {path} decides on {group}; leave it out{remedy}")
        if group in ("experiment", "debug"):
            raise ApsiError(f"{override}: with a checkpoint, name the single values to change instead of a preset")
        if group in schema.Config.__dataclass_fields__:
            taken = group if override.startswith("~") else key
            OmegaConf.update(saved, taken, OmegaConf.select(config, taken), merge=False, force_add=True)
            named.append(taken)
    for key in OF_THIS_RUN:
        OmegaConf.update(saved, key, OmegaConf.select(config, key), merge=False, force_add=True)
    for juror in (saved.juror, saved.second_juror):
        follow_device(juror)
    if saved.feature_extractor.get("weights") is not None:
        saved = _with_own_weights(saved)
    if not is_own:
        check(saved)
        record = "init_from"  # nobody reads it any more
        require_trust(saved, f"checkpoint {path}", [*named, record], config)
    return saved


def _follow_acquire(saved: DictConfig) -> None:
    """Lets a data set be acquired by this run's means, unless it has its own, into this machine's folder."""
    if "acquire" in saved.dataset:
        if saved.dataset.acquire == saved.acquire:
            saved.dataset.acquire = "${acquire}"
        saved.dataset.folder = "${data_dir}/acquired"


def _with_own_weights(config: DictConfig) -> DictConfig:
    """With a feature extractor whose weights are loaded with the agent, wherever they came from at the start."""
    if "weights" in config.feature_extractor:
        config.feature_extractor.weights = "checkpoint"
    return config


def _require_no_beginning(config: DictConfig) -> None:
    if config.init_from is not None:
        other = "resume" if config.checkpoint is None else "checkpoint"
        raise ApsiError(
            f"init_from={config.init_from} begins a new run, {other}={config[other]} uses an earlier one: leave one "
            "of them out"
        )


def explain(error: HydraException | OmegaConfBaseException) -> str:
    """What is wrong with overrides or a configuration, without the lines that help Hydra's developers only."""
    if isinstance(error, OverrideParseException):
        if "=" not in str(error.override):
            return f"can't read {error.override}: a setting is written key=value; see {command()} --help"
        return f"can't read {error.override}; quote values with other than plain characters: 'key=\"value\"'"
    texts = [str(error), str(error.__cause__ or "")]
    lines = list(dict.fromkeys(line.rstrip() for text in texts for line in text.splitlines()))
    key = next((line.partition("full_key:")[2].strip() for line in lines if "full_key:" in line), "")
    said = [line for line in lines if line and not line.lstrip().startswith(_HYDRAS_OWN_WORDS)]
    if key and not any(key in line for line in said):
        said.append(f"at {key}")
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        missing = Path(str(error.missing_cfg_file))
        options = error.options or [path.stem for path in (CONFIG_DIR / missing.parent).glob("*.yaml")]
        said.append(did_you_mean(missing.name, options).strip())
    elif key and any(f"Key '{key}' not in" in line and "Did you mean" not in line for line in said):
        said.append(did_you_mean(key, [path.name for path in CONFIG_DIR.iterdir() if path.is_dir()]).strip())
    said.append(new_names_for("\n".join(said)).strip())
    return "\n".join(filter(None, said))


def choices_made(choices: Mapping[str, str | None], config: DictConfig, overrides: Sequence[str]) -> dict[str, str]:
    """The options by group that made up a configuration, without those that a checkpoint decided otherwise.

    Args:
        choices: Hydra's.
        config: what came out of `with_checkpoint`.
        overrides: the command line's.
    """
    from_checkpoint = config.checkpoint is not None or config.resume not in (None, "auto", "never")
    named = {override.lstrip("+~").partition("=")[0] for override in overrides}
    return {
        group: str(option)
        for group, option in choices.items()
        if option is not None
        and not group.startswith("hydra/")
        and (not from_checkpoint or group in named or group.partition("/")[0] in OF_THIS_RUN)
    }


def follow_device(node: Any) -> None:
    """Lets a juror's models compute on this run's device, not on the one of the training."""
    if isinstance(node, DictConfig):
        if "device" in node:
            node.device = "${device}"
        for name in node.keys() - {"device"}:
            follow_device(node[name])


def plain(config: DictConfig) -> dict[str, Any]:
    """The resolved configuration without Hydra's node and the settings of this run and machine (`OF_THIS_RUN`)."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    content = OmegaConf.to_container(own, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key not in OF_THIS_RUN}


def flat(config: DictConfig) -> dict[str, str]:
    """The configuration as one level of dotted keys."""

    def walk(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(inner, f"{prefix}.{key}" if prefix else str(key))
        else:
            yield prefix, str(value)

    return dict(walk(OmegaConf.to_container(config, resolve=True), ""))
