-- Orders in other currencies than the euro.  A constant default needs no rewrite; the check is made
-- in two steps, of which the second lets others read and write.
ALTER TABLE shop.orders
    ADD COLUMN currency text NOT NULL DEFAULT 'EUR';
ALTER TABLE shop.orders
    ADD CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$') NOT VALID;
ALTER TABLE shop.orders
    VALIDATE CONSTRAINT orders_currency_check;
