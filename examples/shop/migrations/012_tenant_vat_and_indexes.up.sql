-- VAT rates become numbers.  What was typed is not always one: such a tenant gets the usual 20 % and
-- a line in the audit log.  Then every tenant column that has no index of its own gets one.
ALTER TABLE shop.tenants
    ADD COLUMN vat_percent numeric(4, 2);

DO $$
DECLARE
    tenant record;
    table_name text;
BEGIN
    FOR tenant IN SELECT id, vat_text FROM shop.tenants ORDER BY id LOOP
        BEGIN
            UPDATE shop.tenants
               SET vat_percent = replace(rtrim(tenant.vat_text, ' %'), ',', '.')::numeric(4, 2)
             WHERE id = tenant.id;
        EXCEPTION
            WHEN invalid_text_representation OR numeric_value_out_of_range THEN
                UPDATE shop.tenants
                   SET vat_percent = 20
                 WHERE id = tenant.id;
                INSERT INTO shop.audit_log (tenant_id, what, details)
                VALUES (tenant.id, 'VAT rate set to the default',
                        jsonb_build_object('vat_text', tenant.vat_text));
        END;
    END LOOP;

    FOREACH table_name IN ARRAY ARRAY['orders', 'payments', 'audit_log'] LOOP
        EXECUTE format('CREATE INDEX %I ON shop.%I (tenant_id)', table_name || '_tenant_id_idx', table_name);
    END LOOP;
END
$$;

ALTER TABLE shop.tenants
    ALTER COLUMN vat_percent SET NOT NULL;
