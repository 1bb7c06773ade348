select * from {{ ref('thread_breaks') }}
