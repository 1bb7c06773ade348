{{ config(materialized='table', tags=['recovers'], pre_hook="create sequence if not exists recovers_tries") }}
-- Fails the first time it runs: nextval is 1 then.
select 1 / (nextval('recovers_tries') - 1) as value
