select
    o.order_id,
    o.customer_id,
    o.product_id,
    o.ordered_on,
    o.status,
    o.quantity,
    o.quantity * p.price as amount,
    r.order_id is not null as is_returned
from {{ ref('stg_orders') }} as o
join {{ ref('stg_products') }} as p using (product_id)
left join {{ ref('stg_returns') }} as r using (order_id)
