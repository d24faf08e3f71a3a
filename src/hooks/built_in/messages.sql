-- How the built-in hooks tell of many things in one message.

CREATE FUNCTION confiture.hook_lines(lines text[], most integer DEFAULT 50)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT array_to_string(lines[:most], E'\n')
       || CASE WHEN cardinality(lines) > most THEN format(E'\nand %s more', cardinality(lines) - most) ELSE '' END
$$;
COMMENT ON FUNCTION confiture.hook_lines(text[], integer) IS 'For hooks: the first of these lines, and how many more there are.';

CREATE FUNCTION confiture.hook_sample(sample jsonb, total text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT string_agg(left(value::text, 100), ', ')
       || CASE WHEN total::bigint > jsonb_array_length(sample) THEN ' ...' ELSE '' END
  FROM jsonb_array_elements(sample) AS value
$$;
COMMENT ON FUNCTION confiture.hook_sample(jsonb, text) IS 'For hooks: a sample of values in one line, with dots where there are more.';
