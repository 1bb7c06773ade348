{{ config(tags=['fails_fast']) }}
select * from {{ ref('broken') }}
