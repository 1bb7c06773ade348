"""The producer: runs one dbt command anywhere and publishes its events.

Stands on the bus; never imports Airflow. Only ``dbt_process`` imports dbt.
"""
