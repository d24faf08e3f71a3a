-- And the lines written before: VALIDATE reads the whole table, and lets others read and write it.
-- confiture: depends=006
ALTER TABLE shop.order_items
    VALIDATE CONSTRAINT order_items_product_id_fkey;
