{{ config(severity="error" if var("break") == "test" else "warn") }}
select id from {{ ref("stg_orders") }} where amount < {{ 15 if var("break") in ("test", "warn") else 0 }}
