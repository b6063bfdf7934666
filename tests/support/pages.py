"""Reads pages as a reader without eyes or scripts does: elements with their attributes, and the text they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br", "link", "hr"}


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = field(default=None, repr=False)
    children: list[Element | str] = field(default_factory=list, repr=False)

    def all(self, tag: str, **wanted: str) -> list[Element]:
        """The elements below it with this tag and these attributes, in order; ``class_`` is one of its classes."""
        name = wanted.pop("class_", None)
        found = [
            e
            for e in self.walk()
            if e.tag == tag and all(e.attributes.get(k) == v for k, v in wanted.items())
        ]
        return [e for e in found if name is None or name in e.attributes.get("class", "").split()]

    def one(self, tag: str, **wanted: str) -> Element:
        """The only one of them."""
        (found,) = self.all(tag, **wanted)
        return found

    def walk(self) -> list[Element]:
        """All elements below it, in order."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                found += [child, *child.walk()]
        return found

    @property
    def text(self) -> str:
        """What it shows, blanks joined; nothing of styles and scripts."""
        if self.tag in ("style", "script"):
            return ""
        return " ".join(" ".join(c if isinstance(c, str) else c.text for c in self.children).split())

    @property
    def facts(self) -> dict[str, str]:
        """The labelled lines below it."""
        return dict(zip((e.text for e in self.all("dt")), (e.text for e in self.all("dd")), strict=True))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("root", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(made)
        if tag not in VOID:
            self.at = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"<{self.at.tag}> is closed by </{tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read_page(text: str) -> Element:
    """A page whose every element is closed where it was opened."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.at is reader.root, f"<{reader.at.tag}> is not closed"
    return reader.root
