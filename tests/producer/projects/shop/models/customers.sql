select customer, count(*) as orders
from {{ "no_such_table" if var("break") == "model" else ref("stg_orders") }}
group by customer
-- depends_on: {{ ref("stg_orders") }}
