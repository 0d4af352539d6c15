"""The lineage strip: nodes of `models.lineage` with the addresses of their pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from curation.models import Project
from curation.models.lineage import Node
from curation.web.links import link

#: kind → (page of one row, its argument, list of them)
PAGES = {
    "source": ("sources:source", "source", "sources:list"),
    "document": ("documents:document", "document", "documents:list"),
    "passage": ("passages:passage", "passage", "passages:list"),
    "seed": ("seeds:seed", "seed", "seeds:list"),
    "sample": ("samples:sample", "sample", "samples:list"),
    "snapshot": ("exports:snapshot", "snapshot", "exports:list"),
}


def steps(project: Project, nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """For `{% lineage steps %}`."""
    return [
        {
            "kind": node.kind,
            "label": f"{node.label} (withdrawn)" if node.gone else node.label,
            "url": _address(project, node),
            "here": node.here,
        }
        for node in nodes
    ]


def _address(project: Project, node: Node) -> str:
    if node.kind not in PAGES or node.here:
        return ""
    page, argument, listed = PAGES[node.kind]
    if node.uuid and (found := link(page, project, **{argument: node.uuid})):
        return found
    address = link(listed, project)
    return f"{address}?{node.within[0]}={node.within[1]}" if address and node.within else address
