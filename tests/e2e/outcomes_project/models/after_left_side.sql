select * from {{ ref('left_side') }}
