{{ config(materialized='view', tags=['small']) }}
select * from {{ ref('orders') }}
