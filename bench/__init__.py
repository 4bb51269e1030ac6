"""What forwarding costs: `python -m bench` from the root of the repository (docs/benchmarks.md tells the method)."""
