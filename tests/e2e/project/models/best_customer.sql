{{ config(materialized='table') }}
{% if var('does_not_compile', false) %}{{ ref('a_model_nobody_wrote') }}{% endif %}
-- Breaks where the DAG says so: a division by zero in the warehouse.
select customer_id, total {% if var('break', false) %}/ (total - total){% endif %} as total
from {{ ref('customer_totals') }} order by total desc nulls last limit 1
