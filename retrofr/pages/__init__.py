"""What all pages share: one style sheet, and one way to fill a template.

Pages stand alone: nothing is fetched, everything is in the file or beside it. What a template is given is escaped,
unless it is marked as markup. The style sheet is for screens, light and dark, and for paper.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import Any

STYLE = "page.css"


def stylesheet() -> str:
    """The style sheet that all pages begin with."""
    return read("retrofr.pages", STYLE)


def read(package: str, name: str) -> str:
    """A text that lies beside the modules of a package."""
    return (resources.files(package) / name).read_text(encoding="utf-8")


def fill(package: str, name: str, values: Mapping[str, Any]) -> str:
    """A page as HTML.

    Args:
        package: that the template lies in.
        name: of the template, below it.
        values: of its variables, all of them; ``style`` is the shared style sheet where they have none.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    style = {"style": Markup(stylesheet())}
    return environment.from_string(read(package, name)).render(style | dict(values))


def shown(text: str) -> str:
    """Text of unknown origin with what cannot be seen made visible.

    Names of files may hold characters that turn the direction of writing, or bytes that are not UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
