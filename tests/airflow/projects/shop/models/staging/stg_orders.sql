-- depends_on: {{ ref('raw_orders') }}
select id as order_id, customer_id, amount, ordered_on from {{ source('web', 'raw_orders') }}
