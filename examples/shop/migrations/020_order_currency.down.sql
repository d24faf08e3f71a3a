-- Orders are in euro again; the check goes with its column.
ALTER TABLE shop.orders
    DROP COLUMN currency;
