-- Order lines may again name a product that does not exist.
ALTER TABLE shop.order_items
    DROP CONSTRAINT order_items_product_id_fkey;
