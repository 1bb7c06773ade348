select id from {{ ref('stg_orders') }} union all select id from {{ ref('stg_customers') }}
