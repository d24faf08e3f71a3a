-- Any text is a method again; rewrites payments a second time.
ALTER TABLE shop.payments
    ALTER COLUMN method TYPE text;
DROP TYPE shop.payment_method;
