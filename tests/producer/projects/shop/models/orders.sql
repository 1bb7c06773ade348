select id, amount from {{ ref("eph_amounts") }}
