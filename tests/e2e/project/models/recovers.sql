{{ config(materialized='table', tags=['recovers']) }}
-- Fails the first time it runs: nextval is 1 then.
select 1 / (nextval('{{ target.schema }}.recovers_tries') - 1) as value
