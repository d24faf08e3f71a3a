-- A constraint cannot be made unvalidated, only made anew.
ALTER TABLE shop.order_items
    DROP CONSTRAINT order_items_product_id_fkey;
ALTER TABLE shop.order_items
    ADD CONSTRAINT order_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES shop.products NOT VALID;
