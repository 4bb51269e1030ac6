"""The browser's side, as one script: built from client-js, and not part of the repository."""
from importlib.resources import files
from typing import Final

SCRIPT_NAME: Final = "simple-peer.js"


def read_script() -> bytes:
    """The script that defines SimplePeer (and io, when the page has none). FileNotFoundError: it was not built."""
    return (files(__name__) / SCRIPT_NAME).read_bytes()
