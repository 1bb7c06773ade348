select
    c.customer_id,
    c.customer_name,
    c.town,
    count(o.order_id) as orders,
    coalesce(sum(o.amount) filter (where not o.is_returned), 0) as spent
from {{ ref('stg_customers') }} as c
left join {{ ref('orders') }} as o using (customer_id)
group by all
