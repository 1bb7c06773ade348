{% macro check_the_shop() %}
  {{ "select * from no_such_hook_table" if env_var("SHOP_BREAK", "nothing") == "hook" else "select 1" }}
{% endmacro %}
