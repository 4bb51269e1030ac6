"""Wrapping a method of one object that belongs to the application, and undoing it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Method: TypeAlias = Callable[..., Any]


def wrap_method(owner: object, name: str, wrapper: Callable[..., Any]) -> Callable[[], None]:
    """Make `owner.name(…)` call `wrapper(original, …)`; other instances of its class are left alone.

    The returned function undoes that. If somebody has wrapped the wrapper meanwhile, it stays and passes calls on.
    """
    inherited = name not in vars(owner)
    original: Method = getattr(owner, name)
    active = True

    def replacement(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs) if active else original(*args, **kwargs)

    def undo() -> None:
        nonlocal active
        active = False
        if vars(owner).get(name) is not replacement:
            return
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, original)

    setattr(owner, name, replacement)
    return undo
