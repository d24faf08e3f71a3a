-- Orders without a total are possible again.
ALTER TABLE shop.orders
    DROP CONSTRAINT orders_total_cents_check;
ALTER TABLE shop.orders
    ALTER COLUMN total_cents DROP NOT NULL;
