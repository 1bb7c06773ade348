select count(*) as reports from {{ ref("report") }}
{% if var("break") == "compile" %}cross join {{ ref("no_such_model") }}{% endif %}
