-- Depends on nothing, so no task reports it.
select 1 as id where {{ var('broken') or var('others_fail', false) }}
