{# Finds that many rows where things are to go wrong, else none. #}
{% test finds(model, rows) %}select id from {{ model }} where {{ var('broken') }} and id <= {{ rows }}{% endtest %}

{% test cannot_run(model) %}
select 1 as id from {{ 'a_table_nobody_made' if var('broken') else model }} where 1 = 2
{% endtest %}
