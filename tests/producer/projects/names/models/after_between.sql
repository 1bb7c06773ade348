select id from {{ ref("between") }}
