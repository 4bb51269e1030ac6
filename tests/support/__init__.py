"""What the tests drive the real thing with: servers, browsers, other clients, a bad network, judges of what is seen."""
