"""The parts of the table, by name, in the order they are run."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.candidates import candidate_rows
from benchmarks.clusters import cluster_rows
from benchmarks.deepar import deepar_rows
from benchmarks.drop_in import drop_in_rows
from benchmarks.engines import engine_rows
from benchmarks.extrapolation import extrapolation_rows
from benchmarks.factorization import factorization_rows
from benchmarks.few_positives import few_positive_rows
from benchmarks.fidelity import fidelity_rows
from benchmarks.fidelity_glm import error_rows
from benchmarks.forecast import forecast_rows
from benchmarks.growth import growth_rows
from benchmarks.hashing import hashing_rows
from benchmarks.joins import join_rows
from benchmarks.logistic import logistic_rows
from benchmarks.memory import memory_rows
from benchmarks.neighbors import neighbor_rows
from benchmarks.ordinary import ordinary_rows
from benchmarks.overhead import overhead_rows
from benchmarks.packing import packing_rows
from benchmarks.passing import pass_rows
from benchmarks.recommend import recommend_rows
from benchmarks.scale import scale_rows
from benchmarks.second import second_rows
from benchmarks.shapes import shape_rows
from benchmarks.table import Row
from benchmarks.topics import topic_rows
from benchmarks.trees import tree_rows
from benchmarks.whole import search_rows, study_rows
from benchmarks.wide import wide_rows
from benchmarks.workshop import Workshop

PARTS: dict[str, Callable[[Workshop], list[Row]]] = {
    "study": study_rows,
    "pass": pass_rows,
    "candidates": candidate_rows,
    "searches": search_rows,
    "overhead": overhead_rows,
    "second": second_rows,
    "growth": growth_rows,
    "engines": engine_rows,
    "scale": scale_rows,
    "joins": join_rows,
    "memory": memory_rows,
    "clusters": cluster_rows,
    "neighbors": neighbor_rows,
    "logistic": logistic_rows,
    "packed": packing_rows,
    "extrapolation": extrapolation_rows,
    "wide": wide_rows,
    "ordinary": ordinary_rows,
    "shapes": shape_rows,
    "hashed": hashing_rows,
    "drop_in": drop_in_rows,
    "trees": tree_rows,
    "recommend": recommend_rows,
    "forecast": forecast_rows,
    "topics": topic_rows,
    "deepar": deepar_rows,
    "factorization": factorization_rows,
    "fidelity": fidelity_rows,
    "fidelity_glm": error_rows,
    "few_positives": few_positive_rows,
}
