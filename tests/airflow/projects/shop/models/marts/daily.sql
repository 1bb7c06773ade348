select d.day, sum(o.amount) as amount
from {{ ref('calendar', 'days') }} d
left join {{ ref('stg_orders') }} o on cast(o.ordered_on as date) = d.day
group by 1
