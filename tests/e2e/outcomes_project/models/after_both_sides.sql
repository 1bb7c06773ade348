select l.id from {{ ref('left_side') }} l join {{ ref('right_side') }} r on l.id = r.id
