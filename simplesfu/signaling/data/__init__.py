"""What travels over data channels, and each peer's desk for it."""
