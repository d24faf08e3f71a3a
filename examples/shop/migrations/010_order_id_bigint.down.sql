-- Works as long as no number above 2147483647 was given out.
ALTER TABLE shop.payments
    ALTER COLUMN order_id TYPE integer;
ALTER TABLE shop.order_items
    ALTER COLUMN order_id TYPE integer;
ALTER TABLE shop.orders
    ALTER COLUMN id TYPE integer;
