-- Back to a shop without anything to sell.
DROP TABLE shop.products;
