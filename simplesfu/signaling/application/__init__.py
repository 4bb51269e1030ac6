"""The application's side: its functions are called there, and its events and messages are delivered there."""
