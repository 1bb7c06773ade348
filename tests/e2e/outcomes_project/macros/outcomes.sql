{# SQL for a value that is fine, or that the warehouse cannot compute where things are to go wrong. #}
{% macro number() %}{{ "cast('none' as integer)" if var('broken') else 1 }}{% endmacro %}

{# For a hook: fails where what has no task is to fail. #}
{% macro may_fail() %}{{ "select cast('none' as integer)" if var('others_fail', false) else '' }}{% endmacro %}

{# A query that runs for a minute where the var `sleeping` is set, in a way that each warehouse has. #}
{% macro sleeps() %}
  {% if not var('sleeping', false) %}1
  {% elif target.type == 'postgres' %}(select 1 from pg_sleep(60))
  {% else %}(select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 9)
  {% endif %}
{% endmacro %}

{#
  An error that dbt itself cannot put into words: turning it into text calls its attribute `split`, which is no
  function. So the error leaves the code that turns errors into results, and ends in the node's thread.
#}
{% macro breaks_the_thread() %}
  {% if execute and var('broken') %}{{ exceptions.raise_compiler_error(namespace(split=1)) }}{% endif %}
{% endmacro %}
