select id from {{ ref('raw_orders') }} where id > {{ 1 if var('broken') else 0 }}
