"""A call in a Flask application, served by threads, or with --gevent by greenlets."""
import argparse
import contextlib
import sys

if "--gevent" in sys.argv:
    from gevent import monkey

    monkey.patch_all()  # before anything else is imported

from flask import Flask, send_file
from flask_socketio import SocketIO

from simplesfu import MediaManager

app = Flask(__name__)
socketio = SocketIO(app, async_mode="gevent" if "--gevent" in sys.argv else "threading")
media = MediaManager(socketio)


@app.get("/")
def page():
    return send_file("index.html")


@app.get("/server")
def server():
    """What the page says about where it comes from."""
    return {"runs_on": socketio.async_mode, "people": len(media.peers)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gevent", action="store_true", help="greenlets instead of threads")
    parser.add_argument("--host", default="localhost", help="0.0.0.0 is everywhere")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    print(f"http://{options.host}:{options.port}", flush=True)
    # Flask's own server is what the threads run in: fine for a demonstration, gunicorn is for more.
    unsafe = {} if options.gevent else {"allow_unsafe_werkzeug": True}
    with contextlib.suppress(KeyboardInterrupt):
        socketio.run(app, host=options.host, port=options.port, **unsafe)
