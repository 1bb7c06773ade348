select id, 2 as rate from {{ ref("orders") }}
