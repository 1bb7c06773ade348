select id from {{ ref("items") }}
