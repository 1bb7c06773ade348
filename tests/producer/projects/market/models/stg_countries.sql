select id from {{ source('raw', 'countries') }}
