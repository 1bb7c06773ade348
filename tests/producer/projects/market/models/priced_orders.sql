select id from {{ ref('stg_orders') }} inner join {{ ref('stg_prices') }} using (id)
