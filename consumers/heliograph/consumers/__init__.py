"""The readers of the event log: hub, decisions, timeline and ``heliograph tail``.

Stands on the bus: never imports Airflow, never imports dbt.
"""
