"""What a dbt project contains and which of it is selected. Needs no Airflow and does not import dbt."""
