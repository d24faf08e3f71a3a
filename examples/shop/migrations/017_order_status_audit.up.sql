-- Every change of an order's status leaves a line in the audit log.
CREATE FUNCTION shop.fn_audit_order_status() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO shop.audit_log (tenant_id, what, details)
    VALUES (NEW.tenant_id, 'order status',
            jsonb_build_object('order_id', NEW.id, 'from', OLD.status, 'to', NEW.status));
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_order_status
    AFTER UPDATE OF status ON shop.orders
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION shop.fn_audit_order_status();

-- Orders that nobody paid within a month are cancelled, the first changes that the log holds.
UPDATE shop.orders
   SET status = 'cancelled'
 WHERE status = 'new'
   AND placed_at < '2025-12-01 00:00+00'
   AND id % 100 = 0;
