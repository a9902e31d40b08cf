"""Charts as inline SVG, drawn by a few small modules.

Why not a plotting library: a report must be one file under 1 MB that opens without a network. Plotly's
script alone is 4.8 MB and Bokeh's more than 1 MB; Matplotlib's SVG holds every glyph as a path, knows no
light and dark, and cannot be brushed. Here a chart is text: points of one series share one path (about
20 bytes a point), colours are the page's CSS variables, and everything is complete without a script.

Each public function takes plain values of :mod:`studies.report.data` and returns one ``<svg>`` as text.
"""

from __future__ import annotations

from studies.report.charts.curves import curve_chart
from studies.report.charts.epochs import epochs_chart
from studies.report.charts.fans import fan_chart
from studies.report.charts.history import history_chart
from studies.report.charts.pairs import pair_chart
from studies.report.charts.parallel import parallel_chart
from studies.report.charts.pareto import pareto_chart
from studies.report.charts.plots import bins_chart, bins_places, line_chart, scatter_chart, scree_chart
from studies.report.charts.rungs import rungs_chart
from studies.report.charts.segments import segment_strip
from studies.report.charts.slices import slice_chart
from studies.report.charts.strips import fold_strip, range_strip
from studies.report.charts.timeline import timeline_chart
from studies.report.charts.topics import topics_chart

__all__ = [
    "bins_chart",
    "bins_places",
    "curve_chart",
    "epochs_chart",
    "fan_chart",
    "fold_strip",
    "history_chart",
    "line_chart",
    "pair_chart",
    "parallel_chart",
    "pareto_chart",
    "range_strip",
    "rungs_chart",
    "scatter_chart",
    "scree_chart",
    "segment_strip",
    "slice_chart",
    "timeline_chart",
    "topics_chart",
]
