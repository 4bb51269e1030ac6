"""The seam between the application's Socket.IO server, whatever its kind, and the engine's loop."""
