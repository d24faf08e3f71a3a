-- What every built-in hook does first: look at its config.  Known members come with their kind:
-- text, texts, boolean, count, interval, object or list, with a ! where the member must be there, or
-- the texts that it may be, the default first.

CREATE FUNCTION confiture.hook_config(hook text, config jsonb, known jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    checked jsonb := '{}';
    member text;
    value jsonb;
    kind text;
    right_one boolean;
    count_kind CONSTANT text := 'a whole number from 0 to 9223372036854775807';
BEGIN
    IF jsonb_typeof(config) <> 'object' THEN
        RAISE EXCEPTION 'the config of % is not a JSON object', hook USING ERRCODE = 'MG016';
    END IF;
    FOR member, value IN SELECT * FROM jsonb_each(config) LOOP
        IF NOT known ? member THEN
            RAISE EXCEPTION 'unknown member "%" in the config of %', member, hook USING
                ERRCODE = 'MG016',
                DETAIL = format('%s knows %s.', hook, (SELECT string_agg(name, ', ' ORDER BY name COLLATE "C")
                                                         FROM jsonb_object_keys(known) AS name));
        END IF;
        CONTINUE WHEN value = 'null';
        IF jsonb_typeof(known -> member) = 'array' THEN
            kind := 'one of ' || (SELECT string_agg(choice, ', ')
                                    FROM jsonb_array_elements_text(known -> member) AS choice);
            right_one := known -> member @> value AND jsonb_typeof(value) = 'string';
        ELSE
            CASE rtrim(known ->> member, '!')
                WHEN 'text' THEN
                    kind := 'a text that is not empty';
                    right_one := jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '[^[:space:]]';
                WHEN 'texts' THEN
                    kind := 'an array of texts that are not empty';
                    right_one := jsonb_typeof(value) = 'array'
                        AND NOT jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string" || @ == "")');
                WHEN 'boolean' THEN
                    kind := 'true or false';
                    right_one := jsonb_typeof(value) = 'boolean';
                WHEN 'count' THEN
                    kind := count_kind;
                    right_one := jsonb_typeof(value) = 'number';
                    IF right_one THEN
                        right_one := (value #>> '{}')::numeric BETWEEN 0 AND 9223372036854775807
                            AND (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric);
                    END IF;
                WHEN 'interval' THEN
                    kind := 'an interval such as "5min"';
                    right_one := jsonb_typeof(value) = 'string';
                    BEGIN
                        right_one := right_one AND (value #>> '{}')::interval >= '0';
                    EXCEPTION WHEN data_exception THEN
                        right_one := false;
                    END;
                WHEN 'object' THEN
                    kind := 'an object';
                    right_one := jsonb_typeof(value) = 'object';
                WHEN 'list' THEN
                    kind := 'an array';
                    right_one := jsonb_typeof(value) = 'array';
            END CASE;
            IF right_one AND known ->> member = 'texts!' AND value = '[]' THEN
                kind := 'an array of at least one text';
                right_one := false;
            END IF;
        END IF;
        IF NOT right_one THEN
            RAISE EXCEPTION 'invalid "%" in the config of %', member, hook USING
                ERRCODE = 'MG016',
                DETAIL = format('It must be %s, not %s.', kind, left(value::text, 100));
        END IF;
        checked := checked || jsonb_build_object(member, CASE kind
            WHEN count_kind THEN to_jsonb(trunc((value #>> '{}')::numeric)) ELSE value END);
    END LOOP;
    FOR member, value IN SELECT * FROM jsonb_each(known) LOOP
        CONTINUE WHEN checked ? member;
        IF jsonb_typeof(value) = 'array' THEN
            checked := checked || jsonb_build_object(member, value -> 0);
        ELSIF value #>> '{}' LIKE '%!' THEN
            RAISE EXCEPTION 'no "%" in the config of %', member, hook USING
                ERRCODE = 'MG016',
                DETAIL = format('%s needs it.', hook);
        END IF;
    END LOOP;
    RETURN checked;
END
$$;
COMMENT ON FUNCTION confiture.hook_config(text, jsonb, jsonb) IS 'For hooks: checks the config of a hook against the members that it knows, each with its kind (text, texts, boolean, count, interval, object, list; with ! where it must be there) or an array of the texts that it may be, the default first. Returns it without nulls and with those defaults. Errors: MG016.';
