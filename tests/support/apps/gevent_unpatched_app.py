"""The test application on Flask-SocketIO with gevent, the standard library being as it is."""

from __future__ import annotations

import os
import signal

import gevent
from gevent.pywsgi import WSGIServer

os.environ["ASYNC_MODE"] = "gevent"

from flask_app import app


def serve() -> None:
    server = WSGIServer(("127.0.0.1", int(os.environ.get("HTTP_PORT", 0))), app, log=None)
    server.start()
    gevent.signal_handler(signal.SIGINT, server.stop)  # an exception would hit whatever greenlet is running
    print(f"listening on http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    serve()
