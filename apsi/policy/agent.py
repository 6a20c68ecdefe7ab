"""The trained agent."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from apsi.agent.ask import Memory, TrainedAgent
from apsi.env.core import EditCore, Observations
from apsi.errors import ApsiError
from apsi.policy.base import Choice, Policy, PolicyContext, no_calls
from apsi.transform.parametric import ParametricActions
from apsi.types import Fraction


class Agent(Policy):
    """Takes the action that the agent prefers; sees the observation and nothing else.

    With `no_repeats` it remembers what it tried: an agent without memory that comes back to a photo it has seen in this
    episode would do the same again and go in circles, so it takes the best of the actions not tried there yet.
    """

    is_trained: ClassVar[bool] = True

    def __init__(self, context: PolicyContext, no_repeats: bool, caution: Fraction = 0.0) -> None:
        """Takes the agent.

        Args:
            context: with a trained agent.
            no_repeats: never the same discrete action twice on the same photo within an episode.
            caution: share by which the strengths of continuous actions are made weaker.

        Raises:
            ApsiError: caution of an agent with discrete actions.
        """
        super().__init__(context)
        self._no_repeats, self._boldness = no_repeats, 1 - caution
        if caution and not isinstance(context.components.actions, ParametricActions):
            raise ApsiError(
                f"policy.agent.caution={caution} makes strengths weaker, and these actions have none: add "
                "transform=adjustments or parametric, with degradation=sensible"
            )
        self._tried: dict[int, dict[bytes, set[int]]] = {}
        self._memory: Memory | None = None

    def choose(self, core: EditCore, active: Sequence[int]) -> Choice:
        agent = self.context.agent
        if agent is None:
            raise ValueError("the policy 'agent' needs a trained agent")
        observations = core.observe(active)
        actions: npt.NDArray[Any]
        if self._no_repeats and agent.prefer is not None:
            actions = self._untried(core, active, observations, agent.prefer(observations))
        else:
            actions = self._recall(core, active, observations, agent)
        if isinstance(core.actions, ParametricActions):
            actions = core.actions.scaled(actions, self._boldness)
        return Choice(actions, no_calls(active))

    def _untried(
        self, core: EditCore, active: Sequence[int], observations: Observations, preferences: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        photos = observations["photo"] if isinstance(observations, dict) else observations
        actions = np.empty(len(active), dtype=np.int64)
        for k, i in enumerate(active):
            if core.steps[i] == 0:
                self._tried[i] = {}
            tried = self._tried[i].setdefault(photos[k].tobytes(), set())
            order = np.argsort(-preferences[k], kind="stable").tolist()
            actions[k] = next((action for action in order if action not in tried), order[0])
            tried.add(int(actions[k]))
        return actions

    def _recall(
        self, core: EditCore, active: Sequence[int], observations: Observations, agent: TrainedAgent
    ) -> npt.NDArray[Any]:
        chosen = list(active)
        begins = core.steps[chosen] == 0
        memory = None
        if self._memory is not None and not begins.all():
            memory = tuple(array[:, chosen] for array in self._memory)
        actions, memory = agent.predict(observations, memory, begins)
        if memory is not None:
            if self._memory is None or self._memory[0].shape[1] != core.n:
                self._memory = tuple(np.zeros((len(a), core.n, *a.shape[2:]), a.dtype) for a in memory)
            for whole, part in zip(self._memory, memory, strict=True):
                whole[:, chosen] = part
        return actions
