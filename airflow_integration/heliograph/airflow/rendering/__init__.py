"""From dbt nodes to Airflow tasks: first a plan (pure), then the Airflow objects."""
