select
    p.product_id,
    p.product_name,
    sum(o.quantity) as sold,
    sum(o.quantity) filter (where o.is_returned) as came_back
from {{ ref('stg_products') }} as p
left join {{ ref('orders') }} as o using (product_id)
group by all
