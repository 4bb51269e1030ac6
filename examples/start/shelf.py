"""What is on the start page: each example, what it needs, and the one command that runs it alone."""
import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

EXAMPLES = Path(__file__).parents[1]
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])  # where Debian has nginx


@dataclass(frozen=True, kw_only=True)
class Example:
    """`command` is run in the example's folder, by Python, with {host} and {port} filled in; it takes so many `ports`
    in a row. `modules` and `programs` are what it needs beside simplesfu, `reads` the files in which its secret is."""

    name: str
    title: str
    text: str
    command: str = "server.py --host {host} --port {port}"
    ports: int = 1
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("server.py", "index.html")

    @property
    def folder(self):
        return EXAMPLES / self.name

    def missing(self):
        """Names of what it needs and this machine has not."""
        modules = [name for name in self.modules if find_spec(name) is None]
        return modules + [name for name in self.programs if shutil.which(name, path=PATH) is None]

    def as_json(self):
        return {
            "name": self.name,
            "title": self.title,
            "text": self.text,
            "command": "python " + self.command.format(host="localhost", port=8000),
            "missing": self.missing(),
            "reads": [path for path in ("README.md", *self.reads) if (self.folder / path).is_file()],
        }


UVICORN = "-m uvicorn server:app --host {host} --port {port}"

SHELF = (
    Example(
        name="rooms",
        title="Rooms",
        text="Every address is a room. Preview, projector and carousel, screen sharing, and plain words when it fails.",
        reads=("server.py", "static/call.js"),
    ),
    Example(
        name="conference",
        title="Conference",
        text="A grid for sixteen with names and colours, a chat that late comers can read, statistics on each tile.",
        reads=("server.py", "static/conference.js"),
    ),
    Example(
        name="broadcast",
        title="Broadcast",
        text="One speaks, many watch. A raised hand, and the server lets a viewer onto the stage, and off it.",
        reads=("server.py", "static/app.js"),
    ),
    Example(
        name="mesh",
        title="Mesh",
        text="Direct links between browsers: text, files with progress, a canvas; and from mesh to SFU in mid-call.",
        reads=("server.py", "static/call.js"),
    ),
    Example(
        name="react",
        title="React",
        text="The hook useSimplePeer and the component PeerVideo: a call in a few lines of a React application.",
        programs=("npm",),
        reads=("server.py", "src/room.tsx"),
    ),
    Example(
        name="fastapi",
        title="FastAPI",
        text="Calls beside the routes of a FastAPI application, in the same process and on the same port.",
        command=UVICORN,
        modules=("fastapi",),
    ),
    Example(
        name="flask",
        title="Flask",
        text="Calls in a Flask-SocketIO application. A click pauses somebody: the server then sends nothing of them.",
        modules=("flask", "flask_socketio", "simple_websocket"),
    ),
    Example(
        name="redis",
        title="Two processes",
        text="Two server processes behind one address, with Redis between them; and what they do not share yet.",
        command="start.py --host {host} --port {port}",
        ports=4,
        modules=("redis",),
        programs=("redis-server", "nginx"),
        reads=("server.py", "nginx.conf"),
    ),
    Example(
        name="hello",
        title="Hello",
        text="The smallest call there is: seven lines of Python, fourteen of JavaScript. Read this one first.",
        command=UVICORN,
    ),
)


def on_shelf():
    """The examples that are here."""
    return [example for example in SHELF if (example.folder / "server.py").is_file()]
