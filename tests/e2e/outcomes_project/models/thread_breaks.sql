{{ breaks_the_thread() }}select 1 as id
