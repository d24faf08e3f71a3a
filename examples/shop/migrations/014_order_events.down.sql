-- The partitions and their indexes go with their parent.
DROP TABLE shop.order_events;
