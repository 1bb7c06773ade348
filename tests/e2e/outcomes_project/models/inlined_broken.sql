{{ config(materialized='ephemeral') }}
{% if execute and var('broken') %}{{ exceptions.raise_compiler_error('this cannot be inlined') }}{% endif %}
select id from {{ ref('raw_orders') }}
