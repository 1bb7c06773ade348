select * from {{ ref('inlined_broken') }}
