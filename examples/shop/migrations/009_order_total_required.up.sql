-- No order without a total.  SET NOT NULL and the check each read the whole table under an exclusive
-- lock.
-- confiture: depends=008
ALTER TABLE shop.orders
    ALTER COLUMN total_cents SET NOT NULL;
ALTER TABLE shop.orders
    ADD CONSTRAINT orders_total_cents_check CHECK (total_cents >= 0);
