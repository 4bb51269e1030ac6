"""The hash table, for its test."""
from collections.abc import Iterable

def self_check(operations: Iterable[tuple[str, int, int]]) -> tuple[list[int | None], int]:
    """Run ("put" | "get" | "pop", key, value) on a fresh table; what each gave (0: nothing), and the keys left."""
