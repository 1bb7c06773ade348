select
    id as customer_id,
    name as customer_name,
    town,
    cast(signed_up as date) as signed_up
from {{ ref('raw_customers') }}
