"""A chart for a notebook: one of the page's, with the few rules of style that it needs."""

from __future__ import annotations

from collections.abc import Sequence

from studies.report.charts.curves import curve_chart
from studies.report.data import Curve
from studies.report.text import metric_of

STYLE = (
    ".hpo-curve{max-width:360px}.hpo-curve svg{display:block;width:100%;height:auto}.hpo-curve path{fill:none}"
    ".hpo-curve text{font:11.5px system-ui,sans-serif;fill:currentColor}.hpo-curve .name{font-weight:600}"
    ".hpo-curve .grid{stroke:#8883}.hpo-curve .axis{stroke:#888}.hpo-curve .band{fill:#3b7ddd33}"
    ".hpo-curve .mean,.hpo-curve .whisker{stroke:#3b7ddd;stroke-width:2}.hpo-curve .whisker{stroke-width:1.3}"
    ".hpo-curve .mark{stroke:#3b7ddd;stroke-width:6px;stroke-linecap:round}.hpo-curve .hit{fill:transparent}"
)


def curve_html(
    name: str,
    metric: str,
    x: Sequence[object],
    mean: Sequence[float],
    se: Sequence[float | None],
    *,
    log: bool = False,
) -> str:
    """Return a curve as HTML of 360 by 240 pixels; each point says its score under the pointer.

    Examples
    --------
    >>> page = curve_html("ridge.alpha", "r2", [0.1, 1.0, 10.0], [0.5, 0.6, 0.4], [0.1, 0.1, 0.1], log=True)
    >>> "ridge.alpha" in page, "0.60 ± 0.10" in page
    (True, True)
    """
    curve = Curve(name, list(x), list(mean), list(se), log)
    return f'<div class="hpo-curve"><style>{STYLE}</style>{curve_chart(curve, metric_of(metric))}</div>'
