select * from {{ ref('inlined') }}
