"""Pictures in templates. `{% load charts %}`; the geometry is `curation/web/charts.py`, docs/interface.md has examples."""

from __future__ import annotations

from typing import Any

from django import template

from curation.web.charts import Bars, Plot

register = template.Library()


@register.inclusion_tag("charts/_plot.html")
def plot(drawn: Plot, empty: str = "") -> dict[str, Any]:
    """Lines, dots and bands over two axes, with a legend and the figures behind it."""
    return {"plot": drawn, "empty": empty}


@register.inclusion_tag("charts/_bars.html")
def bars(drawn: Bars, css: str = "") -> dict[str, Any]:
    """A histogram stretched to its place, with the threshold on it."""
    return {"bars": drawn, "css": css}
