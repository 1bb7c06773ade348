select customer, count(*) as orders
from {{ "no_such_table" if env_var("SHOP_BREAK", "nothing") == "model" else ref("stg_orders") }}
group by customer
-- depends_on: {{ ref("stg_orders") }}
