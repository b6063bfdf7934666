"""What an indexing run did, as a document that scripts may rely on."""

from __future__ import annotations

import dataclasses

from retrofr.case.store import Case
from retrofr.documents import coverage_document
from retrofr.indexing import IndexResult

INDEX_SCHEMA = "retrofr.index/1"


def index_document(result: IndexResult, case: Case) -> dict[str, object]:
    """The case, the recipe, what was added, and the coverage of the footage that was named."""
    recipe = result.recipe
    return {
        "schema": INDEX_SCHEMA,
        "case": {"id": case.id, "name": case.name, "path": str(case.path)},
        "recipe": {"key": recipe.key, "comparison": recipe.comparison, "terms": dict(recipe.terms)},
        "added": dataclasses.asdict(result.counts),
        "exit_code": result.exit_code,
        "coverage": coverage_document(result.coverage),
        **result.oversight,
    }
