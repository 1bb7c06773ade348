select
    date_trunc('month', ordered_on) as month,
    sum(amount) as revenue
from {{ ref('orders') }}
where not is_returned
group by all
