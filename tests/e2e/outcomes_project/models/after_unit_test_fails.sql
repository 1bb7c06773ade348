select * from {{ ref('unit_test_fails') }}
