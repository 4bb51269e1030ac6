import socketio

from simplesfu import MediaManager

sio = socketio.AsyncServer(async_mode="asgi")
media = MediaManager(sio)  # that is all
app = socketio.ASGIApp(sio, static_files={"/": "index.html"})
