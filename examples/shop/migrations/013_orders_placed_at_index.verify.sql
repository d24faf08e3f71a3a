-- A concurrent build that fails leaves an index that nobody may use.
DO $$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_index
                    WHERE indexrelid = 'shop.orders_tenant_id_placed_at_idx'::regclass
                      AND indisvalid) THEN
        RAISE EXCEPTION 'orders_tenant_id_placed_at_idx is not valid';
    END IF;
END
$$;
