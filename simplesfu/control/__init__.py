"""What is decided: routers, transports, producers and consumers. They tell the plane what to do and touch no packet."""
