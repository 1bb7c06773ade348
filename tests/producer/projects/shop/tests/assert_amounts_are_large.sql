{{ config(severity="error" if env_var("SHOP_BREAK", "nothing") == "test" else "warn") }}
select id from {{ ref("stg_orders") }} where amount < {{ 15 if env_var("SHOP_BREAK", "nothing") in ("test", "warn") else 0 }}
