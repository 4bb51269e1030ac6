from flask import Flask, send_file
from flask_socketio import SocketIO

from simplesfu import MediaManager

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading")
media = MediaManager(socketio)


@app.get("/")
def page():
    return send_file("index.html")
