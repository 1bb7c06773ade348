select id from {{ ref('eph_orders') }}
