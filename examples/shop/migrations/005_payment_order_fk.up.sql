-- A payment belongs to an order that exists.  Checks every payment at once while both tables are
-- locked against writers; 006 and 007 show the way that spares them.
ALTER TABLE shop.payments
    ADD CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES shop.orders;
