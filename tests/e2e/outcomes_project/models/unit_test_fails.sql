select amount * {{ 3 if var('broken') else 2 }} as doubled from {{ ref('raw_orders') }}
