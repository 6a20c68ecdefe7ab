"""How the learning rate changes while an agent is trained."""
