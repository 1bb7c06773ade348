select {{ function('broken_function') }}(id) as id from {{ ref('raw_orders') }}
