select count(*) as days from {{ ref('calendar', 'days') }}
