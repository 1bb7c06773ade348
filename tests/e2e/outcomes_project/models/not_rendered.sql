{{ config(tags=['left_out']) }}
select {{ number() }} as id
