select * from {{ ref('broken_seed') }}
