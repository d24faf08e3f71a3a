-- The order numbers will not fit into four bytes much longer: eight bytes for the key and for every
-- column that refers to it.  Rewrites three tables, builds their indexes anew, checks their foreign
-- keys again, and lets nobody read meanwhile.
ALTER TABLE shop.orders
    ALTER COLUMN id TYPE bigint;
ALTER TABLE shop.order_items
    ALTER COLUMN order_id TYPE bigint;
ALTER TABLE shop.payments
    ALTER COLUMN order_id TYPE bigint;

-- The statistics of the columns went with their old type.
ANALYZE shop.orders (id), shop.order_items (order_id), shop.payments (order_id);
