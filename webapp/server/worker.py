"""One worker process: its application, made from what `serve` left in the environment."""

import gc
import json
import multiprocessing.util
import os
import signal
import threading
import time
from pathlib import Path

from webapp.server.app import create_app
from webapp.server.rsgi import Front
from webapp.services.services import Services
from webapp.wire.user_agent import device_of

# the variable that tells workers, in JSON: `master`, its process id; and what `create_app` is called with
ENVIRONMENT = "YESLADDER_SERVE"
_WATCH_SECONDS = 0.25
_LAST_WORDS_SECONDS = 15.0
# objects between two searches for cycles: thousands live while they wait for the disk, and are no garbage
_YOUNG_OBJECTS = 50_000


def make() -> Front:
    """One worker's application. It ends itself when its master is gone, and writes what waits before it ends."""
    os.setpgrp()  # Ctrl-C in a terminal is for the master, which then ends its workers; both at once is a race
    told = json.loads(os.environ[ENVIRONMENT])
    master = told.pop("master")
    app = create_app(Path(told.pop("site_path")), **told)
    services: Services = app.extensions["yesladder"]
    # atexit does not run in a forked worker; multiprocessing's own finalizers do
    multiprocessing.util.Finalize(None, services.close, exitpriority=10)
    # reading its patterns takes a quarter of a second, which the first visitor would spend looking at the control
    threading.Thread(target=device_of, args=("Mozilla/5.0",), name="warm-up", daemon=True).start()
    threading.Thread(target=_follow, args=(master,), name="follow-master", daemon=True).start()
    made = Front(app)
    gc.freeze()  # what was made so far stays
    gc.set_threshold(_YOUNG_OBJECTS)
    return made


def _follow(master: int) -> None:
    """End this worker when the master is gone: an orphan would keep the port and answer from an old state."""
    while os.getppid() == master:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_WORDS_SECONDS)
    os._exit(1)
