select * from {{ ref('failing_test') }}
