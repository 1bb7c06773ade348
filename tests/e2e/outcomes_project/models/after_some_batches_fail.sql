select * from {{ ref('some_batches_fail') }}
