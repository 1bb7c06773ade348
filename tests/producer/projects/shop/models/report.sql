select customer, orders from {{ ref("customers") }}
