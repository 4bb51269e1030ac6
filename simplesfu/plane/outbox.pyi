from collections.abc import Iterable
from typing import Literal

Put = tuple[Literal["put", "put urgent"], bytes, int]
Take = tuple[Literal["take"], int, int]

def play(operations: Iterable[Put | Take]) -> list[bool | bytes]: ...
