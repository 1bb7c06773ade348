select order_id, customer_id, product_id, quantity
from {{ ref('stg_orders') }}
where status = 'returned'
