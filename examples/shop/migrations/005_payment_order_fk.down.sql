-- Payments may again name an order that does not exist.
ALTER TABLE shop.payments
    DROP CONSTRAINT payments_order_id_fkey;
