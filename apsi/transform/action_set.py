"""What an agent can do: an ordered set of transforms, one for each discrete action."""

from apsi.errors import ApsiError
from apsi.transform.base import STOP_LABEL, Transform, by_label


class ActionSet:
    """The agent's discrete actions, in a fixed order; the last is STOP where the environment has one."""

    def __init__(self, labels: list[str], stop: bool = False) -> None:
        """Looks the transforms up by their labels.

        Args:
            labels: labels of transforms without repetition, in action order.
            stop: whether STOP follows as the last action.

        Raises:
            ApsiError: an unknown or repeated label, or none.
        """
        if not labels:
            raise ApsiError("transform.labels is empty: an agent needs at least one action")
        if len(set(labels)) < len(labels) or STOP_LABEL in labels:
            raise ApsiError(
                f"transform.labels must name each transform once, and not STOP (env.stop adds it): {labels}"
            )
        self.transforms: tuple[Transform, ...] = tuple(by_label(label) for label in labels)
        self.stop = len(labels) if stop else None
        if stop:
            self.transforms += (by_label(STOP_LABEL),)

    @property
    def labels(self) -> list[str]:
        """The labels in action order, STOP included."""
        return [transform.label for transform in self.transforms]

    def __len__(self) -> int:
        return len(self.transforms)

    def __getitem__(self, action: int) -> Transform:
        return self.transforms[action]
