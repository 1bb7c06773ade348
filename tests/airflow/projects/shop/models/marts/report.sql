{{ config(materialized='incremental', unique_key='customer_id', tags=['weekly']) }}
select customer_id, spent from {{ ref('customers') }}
