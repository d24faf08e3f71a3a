DO $$
BEGIN
    IF NOT EXISTS (SELECT
                     FROM pg_catalog.pg_constraint
                    WHERE conrelid = 'shop.order_items'::regclass
                      AND conname = 'order_items_product_id_fkey'
                      AND convalidated) THEN
        RAISE EXCEPTION 'order_items_product_id_fkey is not validated';
    END IF;
END
$$;
