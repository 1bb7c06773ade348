select {{ function('plus_one') }}(id) as id from {{ ref('raw_orders') }}
