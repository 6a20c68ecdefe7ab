"""How networks are fitted."""
