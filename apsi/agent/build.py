"""Building a model from a configuration, and an agent from a checkpoint."""

from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from apsi.agent.checkpoint import Checkpoint, load_into
from apsi.algo.base import Algo, Network
from apsi.config.instantiate import class_and_arguments, instantiate
from apsi.env.core import EditCore, EnvComponents
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.base import EpisodeSource
from apsi.errors import ApsiError


def build_model(config: DictConfig, env: VecEnv, seed: int, steps: int | None = None) -> tuple[Algo, BaseAlgorithm]:
    """The configured algorithm and an untrained model of it, with the configured feature extractor and device.

    Args:
        config: a whole configuration.
        env: all environments together.
        seed: of the networks and of exploring.
        steps: of the environments in the whole training; None: `train.total_timesteps`.
    """
    extractor, arguments = class_and_arguments(config.feature_extractor)
    network = Network(extractor, arguments, instantiate(config.device).activate(), seed)
    algo: Algo = instantiate(config.algo)
    return algo, algo.build(env, network, steps or config.train.total_timesteps)


def load_agent(
    config: DictConfig, checkpoint: Checkpoint, parts: EnvComponents, source: EpisodeSource
) -> tuple[Algo, BaseAlgorithm]:
    """The algorithm and the trained model of a checkpoint.

    Raises:
        ApsiError: it does not fit the configuration.
    """
    if checkpoint.actions != parts.actions.labels:
        raise ApsiError(
            f"{checkpoint.path} was trained with the actions {checkpoint.actions}, "
            f"this configuration has {parts.actions.labels}; leave transform and env.stop to the checkpoint"
        )
    env = PhotoVecEnv(EditCore(parts, source, 1))
    algo, model = build_model(config, env, config.seed)
    load_into(checkpoint, model)
    return algo, model
