"""A page with all examples. A click starts one, on a port of its own; Ctrl-C ends them all."""
import argparse
import html
import json
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from launcher import Launcher, NotStartedError
from shelf import on_shelf

HERE = Path(__file__).parent
IMAGES = HERE.parents[1] / "docs" / "images"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".webp": "image/webp"}


def create_app(launcher):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif scope["type"] == "http":
            status, headers, body = await answer(scope)
            pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "websocket.close"})

    async def live(receive, send):
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        launcher.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(scope):
        examples = {example.name: example for example in on_shelf()}
        match scope["path"].strip("/").split("/"):
            case [""]:
                return file(HERE / "index.html")
            case ["examples"]:
                return text(json.dumps([card(example) for example in examples.values()]), "application/json")
            case ["static", name] if (HERE / "static" / name).is_file():
                return file(HERE / "static" / name)
            case ["picture", name] if (IMAGES / name).is_file():
                return file(IMAGES / name)
            case ["open", name] if name in examples:
                return await start(examples[name], dict(scope["headers"]).get(b"host", b"localhost").decode())
            case ["read", name, *path] if name in examples and "/".join(path) in examples[name].as_json()["reads"]:
                return text((examples[name].folder / Path(*path)).read_text(), "text/plain")
        return text("Not found", "text/plain", status=404)

    async def start(example, host):
        try:
            port = await launcher.open(example)
        except NotStartedError as failure:
            page = (HERE / "failed.html").read_text()
            for key, value in {"title": example.title, **example.as_json(), "said": str(failure)}.items():
                page = page.replace(f"[{key}]", html.escape(str(value)))
            return text(page, "text/html", status=502)
        name = urlsplit(f"//{host}").hostname or "localhost"
        name = f"[{name}]" if ":" in name else name
        return 303, {"location": f"http://{name}:{port}/", "cache-control": "no-store"}, b""

    return app


def card(example):
    return {**example.as_json(), "pictured": (IMAGES / f"{example.name}-dark.webp").is_file()}


def file(path):
    return 200, {"content-type": TYPES[path.suffix], "cache-control": "no-cache"}, path.read_bytes()


def text(content, kind, status=200):
    return status, {"content-type": f"{kind}; charset=utf-8", "cache-control": "no-cache"}, content.encode()


class StartPage(uvicorn.Server):
    """Says where it is once it is there."""

    async def startup(self, sockets=None):
        host, port = self.config.host, self.config.port
        try:
            await super().startup(sockets)
        except SystemExit:  # its log has the reason
            print(f"Port {port} may be taken. Another: make demo PORT={port + 1000}", flush=True)
            raise
        print(f"The examples: http://{host}:{port}   (Ctrl-C ends them all)", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost", help="where to serve the pages; 0.0.0.0 is everywhere")
    parser.add_argument("--port", type=int, default=8000, help="of the start page; the examples take the next ones")
    options = parser.parse_args()
    launcher = Launcher(options.host, options.port + 1)
    config = uvicorn.Config(create_app(launcher), options.host, options.port, log_level="warning",
                            timeout_graceful_shutdown=2)
    try:
        StartPage(config).run()
    except KeyboardInterrupt:
        pass  # that is how one leaves
    finally:
        launcher.close()
