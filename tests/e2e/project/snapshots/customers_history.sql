{% snapshot customers_history %}
{{ config(target_schema=target.schema, unique_key='customer_id', strategy='check', check_cols=['name']) }}
select * from {{ ref('stg_customers') }}
{% endsnapshot %}
