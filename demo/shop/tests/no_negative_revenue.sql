-- Every month must have earned something.
select month, revenue
from {{ ref('revenue_by_month') }}
where revenue <= 0
