{{ config(tags=['recovers']) }}
select * from {{ ref('recovers') }}
