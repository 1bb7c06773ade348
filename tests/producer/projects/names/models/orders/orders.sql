select id, day from {{ ref("raw") }}
