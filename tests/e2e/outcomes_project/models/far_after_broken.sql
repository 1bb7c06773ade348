{{ config(tags=['fails_fast']) }}
select * from {{ ref('after_broken') }}
