-- Every right that anybody but an owner has in the record, and nothing else: what is granted and stands not here fails
-- the test, and so does what stands here and is not granted. Run by test_grants, with pgTAP in a schema of its own.
SET search_path = tap, pg_catalog;
SELECT no_plan();

CREATE TEMP VIEW right_in_force AS
SELECT acl.grantee, acl.privilege_type AS "right", format('%s.%s', space.nspname, routine.proname) AS object
FROM pg_proc AS routine
JOIN pg_namespace AS space ON space.oid = routine.pronamespace,
     aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) AS acl
WHERE space.nspname IN ('api', 'prov', 'vault', 'audit') AND acl.grantee <> routine.proowner
UNION ALL
SELECT acl.grantee, acl.privilege_type, format('%s.%s', space.nspname, relation.relname)
FROM pg_class AS relation
JOIN pg_namespace AS space ON space.oid = relation.relnamespace,
     aclexplode(relation.relacl) AS acl
WHERE space.nspname IN ('api', 'prov', 'vault', 'audit', 'public') AND acl.grantee <> relation.relowner
UNION ALL
SELECT acl.grantee, acl.privilege_type, format('%s.%s.%s', space.nspname, relation.relname, part.attname)
FROM pg_attribute AS part
JOIN pg_class AS relation ON relation.oid = part.attrelid
JOIN pg_namespace AS space ON space.oid = relation.relnamespace,
     aclexplode(part.attacl) AS acl
WHERE space.nspname IN ('api', 'prov', 'vault', 'audit', 'public')
UNION ALL
SELECT acl.grantee, acl.privilege_type, space.nspname::text
FROM pg_namespace AS space, aclexplode(coalesce(space.nspacl, acldefault('n', space.nspowner))) AS acl
WHERE space.nspname !~ '^(pg_|information_schema$|tap$)' AND acl.grantee <> space.nspowner
UNION ALL
SELECT acl.grantee, acl.privilege_type, 'database'
FROM pg_database AS here, aclexplode(coalesce(here.datacl, acldefault('d', here.datdba))) AS acl
WHERE here.datname = current_database() AND acl.grantee <> here.datdba;

CREATE TEMP TABLE right_meant (who text, "right" text, objects text);
INSERT INTO right_meant VALUES
    ('kokuin_auditor', 'CONNECT', '
        database'),
    ('kokuin_auditor', 'EXECUTE', '
        api.chain_check api.crl_next api.crl_page api.label_count api.label_findings api.label_show
        api.log_heads api.log_origin api.log_page api.order_get api.session api.shift_findings api.summary
        api.unit_list api.unit_show prov.label_was_not_sent prov.revocation_reason prov.shift_began
        prov.shift_labels prov.shift_unlabelled prov.unit_state'),
    ('kokuin_auditor', 'SELECT', '
        audit.head audit.log audit.log_origin audit.log_reach audit.tree_head prov.attempt prov.certificate
        prov.credential.at prov.credential.attempt prov.credential.kind prov.credential.policy_id
        prov.credential.policy_version prov.evidence prov.evidence_name prov.failure prov.issuer prov.label
        prov.label_event prov.label_fate prov.lease prov.number_void prov.order_credential prov.order_evidence
        prov.policy prov.pool prov.product prov.receipt prov.resolve prov.revocation prov.revocation_list
        prov.scan prov.scrap prov.shift prov.slot prov.station prov.step prov.transition prov.unit prov.unit_now
        prov.work_order public.schema_version'),
    ('kokuin_auditor', 'USAGE', '
        api audit prov'),
    ('kokuin_planner', 'CONNECT', '
        database'),
    ('kokuin_planner', 'EXECUTE', '
        api.chain_check api.label_count api.label_findings api.label_show api.order_close api.order_get
        api.order_open api.session api.shift_close api.shift_findings api.summary api.unit_list api.unit_scrap
        api.unit_show'),
    ('kokuin_planner', 'USAGE', '
        api'),
    ('kokuin_sealer', 'CONNECT', '
        database'),
    ('kokuin_sealer', 'EXECUTE', '
        api.log_append api.log_begin api.log_heads api.log_origin api.log_page api.log_pending api.session'),
    ('kokuin_sealer', 'USAGE', '
        api'),
    ('kokuin_station', 'CONNECT', '
        database'),
    ('kokuin_station', 'EXECUTE', '
        api.certificate_sha256 api.chain_check api.close api.crl_next api.crl_page api.crl_register api.fail
        api.injected api.intent api.issuer_register api.label_count api.label_findings api.label_seen
        api.label_show api.label_void api.labelled api.labelling api.order_get api.policy_register api.reserve
        api.scanned api.session api.station_head api.summary api.unit_list api.unit_scrap api.unit_show
        api.verified'),
    ('kokuin_station', 'USAGE', '
        api'),
    ('prov_owner', 'EXECUTE', '
        vault.sealed_sha256'),
    ('prov_owner', 'INSERT', '
        vault.sealed'),
    ('prov_owner', 'REFERENCES', '
        vault.sealed'),
    ('prov_owner', 'SELECT', '
        public.schema_version'),
    ('prov_owner', 'USAGE', '
        public vault'),
    ('prov_vault', 'EXECUTE', '
        prov.make_append_only prov.refuse_change'),
    ('prov_vault', 'USAGE', '
        prov');

SELECT set_eq(
    $$ SELECT coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), "right", object FROM right_in_force $$,
    $$ SELECT who, "right", object
       FROM right_meant, regexp_split_to_table(btrim(objects, E' \n'), '\s+') AS object $$,
    'what is granted is what is meant');

SELECT is_empty(
    $$ SELECT oid::regproc FROM pg_proc
       WHERE pronamespace = 'api'::regnamespace
             AND NOT (prosecdef AND coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)) $$,
    'every function of api is SECURITY DEFINER with a fixed search path');
SELECT is_empty(
    $$ SELECT oid::regproc FROM pg_proc
       WHERE pronamespace IN ('prov'::regnamespace, 'vault'::regnamespace, 'audit'::regnamespace)
             AND prokind = 'f' AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false) $$,
    'every other function finds what its author meant, too');

-- Append-only, or a guard that says what may change. Of pg_trigger.tgtype: 2 before, 8 DELETE, 16 UPDATE, 32 TRUNCATE.
SELECT is_empty(
    $$ SELECT relation.oid::regclass FROM pg_class AS relation
       WHERE relation.relkind IN ('r', 'p')
             AND relation.relnamespace IN ('prov'::regnamespace, 'vault'::regnamespace, 'audit'::regnamespace)
             AND (SELECT bit_or(tgtype::integer) & (2 | 8 | 16 | 32) FROM pg_trigger
                  WHERE tgrelid = relation.oid AND tgenabled = 'O' AND tgname ~ '^(append_only|guard)')
                 IS DISTINCT FROM (2 | 8 | 16 | 32) $$,
    'no table is changed or emptied unasked');

SELECT is_empty(
    $$ SELECT rolname FROM pg_roles
       WHERE rolname ~ '^(kokuin|prov)_'
             AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication) $$,
    'groups and owners cannot log in and have no attribute');
SELECT is_empty(
    $$ SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE roleid::regrole::text ~ '^(kokuin|prov)_' $$,
    'nobody is a member of a group or an owner in a new record');
SELECT is_empty(
    $$ SELECT oid::regclass FROM pg_class
       WHERE relnamespace IN ('prov'::regnamespace, 'vault'::regnamespace, 'audit'::regnamespace, 'api'::regnamespace)
             AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
             AND relowner <> (CASE relnamespace WHEN 'vault'::regnamespace THEN 'prov_vault'
                                                ELSE 'prov_owner' END)::regrole $$,
    'every table belongs to the owner of its schema');

SELECT is_empty(
    $$ SELECT oid::regproc FROM pg_proc
       WHERE pronamespace IN ('prov'::regnamespace, 'vault'::regnamespace, 'audit'::regnamespace, 'api'::regnamespace)
             AND proowner <> (CASE pronamespace WHEN 'vault'::regnamespace THEN 'prov_vault'
                                                ELSE 'prov_owner' END)::regrole $$,
    'so does every function');

SELECT * FROM finish(true);
