select 1 as broken where false
