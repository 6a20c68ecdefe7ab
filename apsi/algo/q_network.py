"""The networks of Q-learners: plain or dueling, with noisy layers or without, of values or of distributions."""

from typing import Any

import torch
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.dqn.policies import CnnPolicy, MultiInputPolicy
from torch import nn

from apsi.algo.noisy import NoisyLinear
from apsi.algo.returns import Returns


class QNetwork(BasePolicy):
    """Says of every action what `Returns` reads.

    With `dueling`: the value of the state plus the advantage of each action, the mean advantage taken off (Wang et al.:
    "Dueling Network Architectures for Deep Reinforcement Learning", 2016, equation 9); of a distribution, output by
    output (Hessel et al.: "Rainbow", 2018).
    """

    def __init__(
        self,
        *args: Any,
        returns: Returns,
        dueling: bool,
        noisy_std: float | None,
        features_dim: int,
        net_arch: list[int],
        activation_fn: type[nn.Module] = nn.ReLU,
        **kwargs: Any,
    ) -> None:
        """Builds the layers behind the feature extractor.

        Args:
            args: of `BasePolicy`.
            returns: what is said of an action.
            dueling: whether the value of the state has layers of its own.
            noisy_std: initial noise of the layers, see `NoisyLinear`; None: ordinary layers.
            features_dim: length of the features.
            net_arch: widths of the layers before the last one.
            activation_fn: between the layers.
            kwargs: of `BasePolicy`.
        """
        super().__init__(*args, **kwargs)
        self.of_return = returns
        self.n_actions = int(self.action_space.n)  # type: ignore[attr-defined]  # Discrete

        def layers(outputs: int) -> nn.Sequential:
            made = create_mlp(features_dim, outputs, net_arch, activation_fn)
            return nn.Sequential(*(_noisy(layer, noisy_std) for layer in made))

        self.q_net = layers(self.n_actions * returns.size)
        self.value = layers(returns.size) if dueling else None

    def returns(self, obs: PyTorchObs) -> torch.Tensor:
        """What is said of the actions, `(N, A, K)`."""
        features = self.extract_features(obs, self.features_extractor)
        outputs: torch.Tensor = self.q_net(features).view(-1, self.of_return.size, self.n_actions).transpose(1, 2)
        if self.value is None:
            return outputs
        values: torch.Tensor = self.value(features)[:, None, :]
        return values + outputs - outputs.mean(dim=1, keepdim=True)

    def forward(self, obs: PyTorchObs) -> torch.Tensor:
        """Q-values `(N, A)`."""
        return self.of_return.mean(self.returns(obs))

    def _predict(self, observation: PyTorchObs, deterministic: bool = True) -> torch.Tensor:
        return self(observation).argmax(dim=1)  # type: ignore[no-any-return]  # torch's


def _noisy(layer: nn.Module, std: float | None) -> nn.Module:
    if std is None or not isinstance(layer, nn.Linear):
        return layer
    return NoisyLinear(layer.in_features, layer.out_features, std)


class _Policy:
    """What both policies make in another way than Stable-Baselines3's."""

    def __init__(
        self: Any, *args: Any, returns: Returns, dueling: bool = False, noisy_std: float | None = None, **kwargs: Any
    ) -> None:
        self._of_network = {"returns": returns, "dueling": dueling, "noisy_std": noisy_std}
        super().__init__(*args, **kwargs)

    def make_q_net(self: Any) -> Any:
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return QNetwork(**arguments, **self._of_network).to(self.device)


class QCnnPolicy(_Policy, CnnPolicy):
    """For photos."""


class QMultiInputPolicy(_Policy, MultiInputPolicy):
    """For photos and extras."""
