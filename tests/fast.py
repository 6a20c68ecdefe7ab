"""Overrides with which every algorithm does something within a few hundred steps."""

_DQN = ["algo.learning_starts=8", "algo.buffer_size=64", "algo.batch_size=16", "algo.gradient_steps=1"]
_ACTOR_CRITIC = ["transform=parametric", "degradation=sensible", *_DQN]
_PPO = ["algo.n_steps=8"]

ALGORITHMS = {
    "ppo": _PPO,
    "maskable_ppo": _PPO,
    "recurrent_ppo": [*_PPO, "algo.lstm_hidden_size=16"],
    "a2c": [],
    "dqn": _DQN,
    "double_dqn": _DQN,
    "dueling_dqn": _DQN,
    "qrdqn": [*_DQN, "algo.n_quantiles=5"],
    "sac": _ACTOR_CRITIC,
    "td3": _ACTOR_CRITIC,
    "undo": ["episodes=fresh", "algo.batch_size=8", "algo.updates=1"],
    "full_q": _DQN,
    "afterstate": [*_DQN, "algo.actions_per_state=3"],
}
"""By the name of the option"""
