{{ config(tags=['small']) }}
{% if var('does_not_compile', false) %}{{ ref('a_model_nobody_wrote') }}{% endif %}
select id, customer, amount, cast('2026-01-01' as date) as ordered_at, {{ sleeps() }} as one from {{ ref('raw_orders') }}
