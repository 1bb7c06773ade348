"""dbt's node selection over the nodes of a manifest, with dbt's words and dbt's results.

Read in this order: ``grammar`` (an expression as text to its parts), ``graph`` (relatives), ``methods`` (what matches
a value), ``select`` (set logic and indirect selection of tests).
"""
