{% snapshot orders_history %}
{{ config(target_schema=target.schema, unique_key='id', strategy='check', check_cols=['amount']) }}
select id, amount from {{ ref('orders') }}
{% endsnapshot %}

{% snapshot broken_history %}
{{ config(target_schema=target.schema, unique_key='id', strategy='check', check_cols=['amount']) }}
select id, {{ number() }} as amount from {{ ref('orders') }}
{% endsnapshot %}

{% snapshot history_of_broken %}
{{ config(target_schema=target.schema, unique_key='id', strategy='check', check_cols=['id']) }}
select id from {{ ref('broken') }}
{% endsnapshot %}
