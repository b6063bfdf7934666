"""Nodes of a CASE/UCO graph: their context, their identifiers, and how values are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

from retrofr.documents import encoded, json_text

NAMESPACE = UUID("6f1b8f86-8f0c-5d0e-9a35-3f0f4a6a2c11")
"""Whose name-based identifiers (RFC 9562, version 5) the nodes have: equal things get equal ones, in every export."""

UCO = "https://ontology.unifiedcyberontology.org/uco/"
RECORD_PREFIX = "retrofr"
CONTEXT = {
    "action": f"{UCO}action/",
    "analysis": f"{UCO}analysis/",
    "configuration": f"{UCO}configuration/",
    "core": f"{UCO}core/",
    "investigation": "https://ontology.caseontology.org/case/investigation/",
    "observable": f"{UCO}observable/",
    "tool": f"{UCO}tool/",
    "types": f"{UCO}types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    RECORD_PREFIX: "urn:retrofr:record/1#",
}
"""In every file itself, so that nothing is looked up. The last one is a draft of our own: a record's columns."""

Node = dict[str, Any]


def identifier(kind: str, *parts: object) -> str:
    """The identifier of a thing, made of what tells it from others of its kind."""
    return f"urn:uuid:{uuid5(NAMESPACE, json.dumps([kind, *map(str, parts)]))}"


def node(kind: str, name: str, **properties: object) -> Node:
    """A node of a class (``core:Annotation``) and an identifier; a double underscore stands for the colon of names.

    Properties that are None are left out.
    """
    told = {key.replace("__", ":"): value for key, value in properties.items() if value is not None}
    return {"@id": name, "@type": kind, **told}


def link(name: str) -> Node:
    """A reference to a node."""
    return {"@id": name}


def links(names: Iterable[str]) -> list[Node] | None:
    """References to nodes; None where there is none."""
    return [link(name) for name in names] or None


def moment(at: str | None) -> Node | None:
    """A time in ISO 8601, with or without a zone; None where it is not known."""
    return None if at is None else {"@type": "xsd:dateTime", "@value": at}


def plain_text(text: str) -> str:
    """Text as plain UTF-8: odd bytes of file names as escapes."""
    return encoded(text).decode()


def file_nodes(name: str, file_name: str, sha256: str, size_bytes: int | None) -> list[Node]:
    """A file, known by its name, its size where it is known, and its SHA-256."""
    facet, content, digest = (identifier(kind, name) for kind in ("file facet", "content facet", "hash"))
    return [
        node(
            "observable:File",
            name,
            core__name=plain_text(file_name),
            core__hasFacet=links([facet, content]),
        ),
        node(
            "observable:FileFacet",
            facet,
            observable__fileName=plain_text(file_name.rpartition("/")[2]),
            observable__sizeInBytes=size_bytes,
        ),
        node("observable:ContentDataFacet", content, observable__hash=links([digest])),
        node(
            "types:Hash",
            digest,
            types__hashMethod="SHA256",
            types__hashValue={"@type": "xsd:hexBinary", "@value": sha256.upper()},
        ),
    ]


def document(nodes: Iterable[Node]) -> bytes:
    """A file of JSON-LD, a node a line; a node that is given twice is written once."""
    unique = {each["@id"]: each for each in nodes}
    lines = ",\n".join(json_text(each) for each in unique.values())
    context = json_text(CONTEXT, indent=2)
    return encoded(f'{{"@context": {context},\n"@graph": [\n{lines}\n]}}\n')
