"""The bus: event contract, run state, event-log port and its two implementations.

Ground floor of Heliograph: never imports Airflow, never imports dbt.
"""
