select d.day from {{ ref('daily') }} d cross join {{ ref('stg_orders') }} o where o.amount < 0
