"""The test application on Flask-SocketIO with gevent, everything patched before anything else is imported."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import gevent_unpatched_app  # noqa: E402

gevent_unpatched_app.serve()
