"""The modules behind scripts/bench: one per measurement, and what they share in peers, running and report."""
