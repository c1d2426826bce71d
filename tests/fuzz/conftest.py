"""How much is tried: what there is time for on every commit, or with the profile ``night`` a
hundred times as much.

    pytest tests/fuzz --hypothesis-profile=night --timeout=0
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "night",
    deadline=None,
    suppress_health_check=list(HealthCheck),
    max_examples=10_000,
    print_blob=True,
)
