"""Properties are tried on the same examples in every run; `YESLADDER_STUDY=full` looks for new ones."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "yesladder",
    deadline=None,  # the machine may be shared: no test depends on how long it took
    derandomize=os.environ.get("YESLADDER_STUDY") != "full",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("yesladder")
