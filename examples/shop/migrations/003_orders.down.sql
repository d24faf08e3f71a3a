-- Back to a shop without orders.
DROP TABLE shop.order_items;
DROP TABLE shop.orders;
