"""Where dbt's records come from: dbtRunner callbacks, or another dbt's JSON log lines."""
