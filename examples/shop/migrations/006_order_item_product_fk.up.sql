-- An order line names a product that exists: from now on (NOT VALID holds its locks for an instant).
-- confiture: lock_timeout=2s
ALTER TABLE shop.order_items
    ADD CONSTRAINT order_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES shop.products NOT VALID;
