"""Write the tables of guide/errors.md anew from client-js/src/errors.ts, where every code and its cure stands.

`--check` writes nothing and fails when the page is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
PAGE = DOCS / "guide" / "errors.md"
SOURCE = DOCS.parent / "client-js" / "src" / "errors.ts"
CODE = re.compile(r"/\*\* (.+?) \*/\s*\| \"(\w+)\"", re.DOTALL)


def table(type_name: str) -> str:
    """The members of a union of string literals, each with its comment: "what it means. Cure: what helps"."""
    source = SOURCE.read_text()
    union = source[source.index(f"export type {type_name} =") :]
    rows = ["| code | what it means | cure |", "|---|---|---|"]
    for comment, code in CODE.findall(union[: union.index('";')] + '";'):
        meaning, _, cure = " ".join(comment.split()).replace(" * ", " ").partition("Cure: ")
        cure = cure.strip()
        if not re.match(r"[\w.]+\(", cure):  # a call is spelt as it is
            cure = cure[:1].upper() + cure[1:]
        rows.append(f"| `{code}` | {meaning.strip()} | {cure} |")
    return "\n".join(rows)


def updated(page: str) -> str:
    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}\n{table(found[2])}\n{found[3]}"

    return re.sub(r"(<!-- table of (\w+) -->\n).*?(<!-- end -->)", fill, page, flags=re.DOTALL)


if __name__ == "__main__":
    before = PAGE.read_text()
    after = updated(before)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if after == before else f"{PAGE.name} is out of date: python docs/error_tables.py")
    PAGE.write_text(after)
