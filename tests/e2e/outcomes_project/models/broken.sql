{{ config(tags=['fails_fast']) }}
select {{ number() }} as id
