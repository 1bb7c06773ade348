select cast(day as date) as day from {{ ref('calendar', 'raw_days') }}
