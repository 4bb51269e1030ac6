"""The test application on Flask-SocketIO with gevent, the standard library being as it is."""

from __future__ import annotations

import os
from contextlib import suppress

from gevent.pywsgi import WSGIServer

os.environ["ASYNC_MODE"] = "gevent"

from flask_app import app


def serve() -> None:
    server = WSGIServer(("127.0.0.1", int(os.environ.get("HTTP_PORT", 0))), app, log=None)
    server.start()
    print(f"listening on http://127.0.0.1:{server.server_port}")
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    serve()
