"""Who is here, and what follows from it. All of it happens on the engine's loop."""
