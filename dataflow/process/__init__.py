"""What runs: the loops around the pure replay and the pure rules."""
