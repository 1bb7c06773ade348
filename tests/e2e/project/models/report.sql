select * from {{ ref('best_customer') }}
