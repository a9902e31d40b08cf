"""The project beside its peers: ratios measured in one run, printed as a table.

``python -m benchmarks`` runs everything; :mod:`benchmarks.catalogue` names the parts.
"""
