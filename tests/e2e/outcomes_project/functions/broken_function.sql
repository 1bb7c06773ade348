select x + {{ "'one'::integer from a_table_nobody_made" if var('broken') else 1 }}
