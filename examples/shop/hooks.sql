-- Hooks of the whole team: they run in every migration.  What belongs to one migration only stands in its own file.

-- No table without its tenant.  tenants is the tenant, and a line belongs to the tenant of its order.
SELECT confiture.register_hook('a tenant for every table', 'AFTER_VALIDATION',
                               'confiture.require_columns(confiture.hook_context)',
                               config => '{"columns": ["tenant_id"], "schemas": ["shop"],
                                           "except": ["tenants", "order_items"]}');
