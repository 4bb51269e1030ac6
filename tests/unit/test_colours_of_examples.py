"""The texts of the examples can be read in light and in dark: WCAG AA for the colours that their style sheets name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.server import ROOT

AA = 4.5
GROUNDS = {"bg", "paper", "surface", "card"}
TEXTS = {"ink": GROUNDS | {"sunken", "well", "tint"}, "soft": GROUNDS, "accent": GROUNDS | {"tint"}, "danger": GROUNDS}
WORDS_ON = re.compile(r"on-(\w+)|(warn)-ink")
COLOUR = r"#[0-9a-fA-F]{3,6}"
SHEETS = sorted(
    path
    for pattern in ("*/index.html", "*/static/*.css", "*/src/*.css")
    for path in (ROOT / "examples").glob(pattern)
    if "--ink:" in path.read_text()
)


def schemes(sheet: str) -> dict[str, dict[str, str]]:
    """Colours by name in "light" and "dark"; a sheet has light-dark(), or a second :root for the other scheme."""
    pairs = re.findall(rf"--([\w-]+): light-dark\(({COLOUR}), ({COLOUR})\)", sheet)
    if pairs:
        return {"light": {name: light for name, light, _ in pairs}, "dark": {name: dark for name, _, dark in pairs}}
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    first, second, *_ = [found for block in blocks if (found := dict(re.findall(rf"--([\w-]+): ({COLOUR})\b", block)))]
    asked = re.search(r"prefers-color-scheme: (dark|light)\) \{\s*:root", sheet)
    assert asked
    return {"dark" if asked[1] == "light" else "light": first, asked[1]: first | second}


def pairs_of(colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(text, ground) that may be seen upon each other."""
    for text in colours:
        yield from ((text, ground) for ground in TEXTS.get(text, ()) if ground in colours)
        if found := WORDS_ON.fullmatch(text):
            ground = found[1] or found[2]
            yield from ((text, name) for name in (ground, f"{ground}-bg", f"{ground}-hover") if name in colours)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.relative_to(ROOT / "examples").parts[0])
def test_texts_stand_out(path: Path) -> None:
    faint = []
    for scheme, colours in schemes(path.read_text()).items():
        judged = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs_of(colours)}
        print(scheme, {f"{text} on {ground}": round(ratio, 1) for (text, ground), ratio in judged.items()})
        assert len(judged) >= 3
        faint += [f"{scheme}: {pair[0]} on {pair[1]}: {ratio:.1f}" for pair, ratio in judged.items() if ratio < AA]
    assert not faint
