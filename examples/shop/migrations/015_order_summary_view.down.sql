-- Nothing is stored in a view, nothing is lost.
DROP VIEW shop.r_order_summary;
