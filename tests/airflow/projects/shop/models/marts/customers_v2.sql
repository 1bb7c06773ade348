select c.customer_id, c.name, sum(a.amount) as spent
from {{ ref('stg_customers') }} c
left join {{ ref('stg_amounts') }} a on a.customer_id = c.customer_id
group by 1, 2
