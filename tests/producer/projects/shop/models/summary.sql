select count(*) as reports from {{ ref("report") }}
{% if env_var("SHOP_BREAK", "nothing") == "compile" %}cross join {{ ref("no_such_model") }}{% endif %}
