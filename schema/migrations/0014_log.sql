-- The log: one leaf for each step, in the order in which one sealer found them committed, and the signed heads of its
-- Merkle tree (RFC 9162). A leaf is SHA-256(0x00 || entry), and the entry of a step is computed from the tables whenever
-- it is asked for, so that a row that was edited since no longer gives its leaf. audit/README.md has the entry's form.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kokuin_sealer') THEN
        CREATE ROLE kokuin_sealer NOLOGIN;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO kokuin_sealer', current_database());
END
$$;
GRANT USAGE ON SCHEMA api TO kokuin_sealer;

-- A log covers what it may not show: a sealed password by its digest.
SET ROLE prov_vault;
CREATE FUNCTION vault.sealed_sha256(of_attempt uuid, of_kind text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(recovery_key || sealed) FROM vault.sealed WHERE attempt = of_attempt AND kind = of_kind
$$;
GRANT EXECUTE ON FUNCTION vault.sealed_sha256 TO prov_owner;
RESET ROLE;

SET ROLE prov_owner;

-- The log's name, made once, stands in every head: heads of two databases cannot be taken for each other's.
CREATE TABLE audit.log_origin (
    one boolean CONSTRAINT log_origin_pkey PRIMARY KEY DEFAULT true CONSTRAINT log_origin_once CHECK (one),
    origin text NOT NULL CONSTRAINT log_origin_form CHECK (origin ~ '^kokuin-log/[0-9a-f-]{36}$')
);
INSERT INTO audit.log_origin (origin) VALUES ('kokuin-log/' || gen_random_uuid());

CREATE TABLE audit.log (
    leaf bigint CONSTRAINT log_pkey PRIMARY KEY CONSTRAINT log_first CHECK (leaf >= 0),
    attempt uuid NOT NULL,
    seq integer NOT NULL,
    hash bytea NOT NULL CONSTRAINT log_hash CHECK (octet_length(hash) = 32),
    CONSTRAINT log_step_once UNIQUE (attempt, seq),
    CONSTRAINT log_step FOREIGN KEY (attempt, seq) REFERENCES prov.step (attempt, seq)
);

-- `edges` are the hashes of the whole subtrees from left to right, with which the next sealer goes on.
CREATE TABLE audit.tree_head (
    size bigint CONSTRAINT tree_head_pkey PRIMARY KEY CONSTRAINT tree_head_first CHECK (size >= 1),
    root bytea NOT NULL CONSTRAINT tree_head_root CHECK (octet_length(root) = 32),
    edges bytea NOT NULL CONSTRAINT tree_head_edges CHECK (octet_length(edges) BETWEEN 32 AND 2048
                                                           AND octet_length(edges) % 32 = 0),
    note text NOT NULL CONSTRAINT tree_head_note CHECK (octet_length(note) BETWEEN 64 AND 4096),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user
);

-- How far into each station's chain the log reaches.
CREATE TABLE audit.log_reach (
    station_id integer CONSTRAINT log_reach_pkey PRIMARY KEY REFERENCES prov.station,
    seq bigint NOT NULL
) WITH (fillfactor = 50);

-- Leaves are numbered without a gap, and take the steps of each station in the order of its chain.
CREATE FUNCTION audit.check_leaf() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken prov.step;
BEGIN
    IF NEW.leaf <> (SELECT coalesce(max(leaf), -1) + 1 FROM audit.log) THEN
        RAISE EXCEPTION 'a leaf is the next one' USING ERRCODE = '23514';
    END IF;
    SELECT * INTO taken FROM prov.step WHERE attempt = NEW.attempt AND seq = NEW.seq;
    UPDATE audit.log_reach SET seq = taken.chain_seq WHERE station_id = taken.station_id AND seq = taken.chain_seq - 1;
    IF NOT FOUND AND taken.chain_seq = 1 THEN
        INSERT INTO audit.log_reach VALUES (taken.station_id, 1) ON CONFLICT DO NOTHING;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the leaves of a station follow its chain' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON audit.log FOR EACH ROW EXECUTE FUNCTION audit.check_leaf();

CREATE FUNCTION audit.guard_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.station_id <> OLD.station_id OR NEW.seq <> OLD.seq + 1 THEN
        RAISE EXCEPTION 'the log only moves forward' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON audit.log_reach FOR EACH ROW EXECUTE FUNCTION audit.guard_reach();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON audit.log_reach
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();
SELECT prov.make_append_only(guarded::regclass)
FROM unnest(ARRAY['audit.log_origin', 'audit.log', 'audit.tree_head']) AS guarded;

-- One line for each entry, and one field between two tabs, whatever somebody wrote.
CREATE FUNCTION audit.field(name text, value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT E'\t' || name || '=' || replace(replace(replace(replace(coalesce(value, ''), '\', '\\'), E'\t', '\t'),
                                                   E'\n', '\n'), E'\r', '\r')
$$;
CREATE FUNCTION audit.field(name text, value bytea) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT audit.field(name, encode(value, 'hex'))
$$;

-- What was written when a unit was reserved: who it is, and what it was made under.
CREATE FUNCTION audit.reserved_fields(of_attempt uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT audit.field('station', station.name) || audit.field('slot', tried.slot::text)
        || audit.field('number', tried.number::text) || audit.field('badge', tried.badge)
        || audit.field('hardware', made.hardware_id) || audit.field('mac', made.mac_base::text)
        || audit.field('macs', made.mac_count::text) || audit.field('order', ordered.number)
        || audit.field('route', ordered.route) || audit.field('model', product.model)
        || audit.field('gtin', product.gtin) || audit.field('firmware', tried.firmware_version)
        || audit.field('firmware_sha256', tried.firmware_sha256) || audit.field('product_sha256', tried.product_sha256)
        || audit.field('interrupted', tried.interrupted::text)
    FROM prov.attempt AS tried
    JOIN prov.unit AS made USING (unit_id)
    JOIN prov.station USING (station_id)
    JOIN prov.work_order AS ordered USING (order_id)
    JOIN prov.product ON product.code = made.product_code
    WHERE tried.attempt = of_attempt
$$;

CREATE FUNCTION audit.injecting_fields(of_attempt uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT audit.field('issuer', issuer_sha256) || audit.field('certificate', serial)
                         || audit.field('certificate_sha256', pg_catalog.sha256(der))
                         || audit.field('spki_sha256', spki_sha256)
                     FROM prov.certificate WHERE attempt = of_attempt), '')
        || coalesce((SELECT string_agg(audit.field('credential', given.kind)
                                       || audit.field('policy', given.policy_id || ' ' || given.policy_version)
                                       || audit.field('policy_sha256', stamped.sha256)
                                       || audit.field('fingerprint_sha256', sha256(given.fingerprint))
                                       || audit.field('sealed_sha256', vault.sealed_sha256(of_attempt, given.kind)),
                                       '' ORDER BY given.kind COLLATE "C")
                     FROM prov.credential AS given
                     JOIN prov.policy AS stamped ON (stamped.id, stamped.version)
                                                  = (given.policy_id, given.policy_version)
                     WHERE given.attempt = of_attempt), '')
$$;

CREATE FUNCTION audit.evidence_fields(of_attempt uuid, of_seq integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(audit.field('evidence', name) || audit.field('verdict', verdict)
                               || audit.field('facts', facts::text), '' ORDER BY name COLLATE "C"), '')
    FROM prov.evidence WHERE attempt = of_attempt AND seq = of_seq
$$;

CREATE FUNCTION audit.label_fields(of_attempt uuid, of_copy integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(audit.field('label', label) || audit.field('copy', copy::text)
                               || audit.field('printer', printer) || audit.field('template_sha256', template_sha256)
                               || audit.field('bitmap_sha256', coalesce(bitmap_sha256, ''))
                               || audit.field('at', prov.utc(at)), ''), '')
    FROM prov.label WHERE attempt = of_attempt AND copy = of_copy
$$;

CREATE FUNCTION audit.label_event_fields(of_attempt uuid, of_copy integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(audit.field('label', made.label) || audit.field('event', happened.kind)
                               || audit.field('level', happened.level) || audit.field('at', prov.utc(happened.at))
                               || audit.field('by', happened.by_login),
                               '' ORDER BY made.copy, happened.kind COLLATE "C"), '')
    FROM prov.label AS made JOIN prov.label_event AS happened USING (label)
    WHERE made.attempt = of_attempt AND (of_copy IS NULL OR (made.copy = of_copy AND happened.kind = 'printed'))
$$;

-- What came with a step besides the step itself. Only what no later step changes belongs here.
CREATE FUNCTION audit.step_fields(taken prov.step) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    copy CONSTANT integer := (SELECT count(*) FROM prov.step
                              WHERE attempt = taken.attempt AND seq <= taken.seq AND to_state = 'labelling');
    fields text := audit.evidence_fields(taken.attempt, taken.seq);
BEGIN
    CASE taken.to_state
    WHEN 'reserved' THEN
        RETURN fields || coalesce(audit.reserved_fields(taken.attempt), '');
    WHEN 'injecting' THEN
        RETURN fields || audit.injecting_fields(taken.attempt);
    WHEN 'injected' THEN
        RETURN fields || coalesce((SELECT audit.field('receipt', sha256) FROM prov.receipt
                                   WHERE attempt = taken.attempt), '');
    WHEN 'labelling' THEN
        RETURN fields || audit.label_fields(taken.attempt, copy);
    WHEN 'labelled' THEN
        RETURN fields || audit.label_event_fields(taken.attempt, copy);
    WHEN 'scanned' THEN
        RETURN fields || coalesce((SELECT audit.field('scan', serial) || audit.field('label', label)
                                       || audit.field('at', prov.utc(at))
                                   FROM prov.scan WHERE attempt = taken.attempt AND answer = 'matched'
                                   ORDER BY scan_id LIMIT 1), '');
    WHEN 'closed' THEN
        RETURN fields || audit.label_event_fields(taken.attempt, NULL);
    WHEN 'failed' THEN
        RETURN fields || audit.label_event_fields(taken.attempt, NULL)
            || coalesce((SELECT audit.field('fault', number::text) || audit.field('name', name)
                             || audit.field('text', text)
                         FROM prov.failure WHERE attempt = taken.attempt), '')
            || coalesce((SELECT audit.field('revoked', prov.utc(at)) FROM prov.revocation
                         WHERE attempt = taken.attempt), '');
    ELSE
        RETURN fields;
    END CASE;
END
$$;

-- Ten fields that the chain is made of and the unit's serial, then what came with the step. Empty: there is no such step.
CREATE FUNCTION audit.log_entry(of_attempt uuid, of_seq integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT '1' || E'\t' || taken.station_id || E'\t' || taken.chain_seq || E'\t' || encode(taken.chain_prev, 'hex')
            || E'\t' || encode(taken.chain_hash, 'hex') || E'\t' || taken.attempt || E'\t' || taken.seq
            || E'\t' || taken.to_state
            || E'\t' || (extract(epoch FROM taken.at) * 1000000)::bigint - 946684800000000
            || E'\t' || encode(taken.request_sha256, 'hex') || E'\t' || coalesce(made.serial, '')
            || audit.field('by', taken.by_login) || audit.step_fields(taken)
        FROM prov.step AS taken
        LEFT JOIN prov.attempt AS tried USING (attempt)
        LEFT JOIN prov.unit AS made USING (unit_id)
        WHERE taken.attempt = of_attempt AND taken.seq = of_seq), '')
$$;

-- ---- the sealer ----

-- One sealer at a time: the lock is the session's and ends with it. Size 0: nothing was sealed yet.
CREATE FUNCTION api.log_begin()
RETURNS TABLE (origin text, size bigint, edges text, note text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_lock(hashtextextended('kokuin log sealer', 0)) THEN
        PERFORM prov.refuse(425, 'another sealer is at work on this record');
    END IF;
    RETURN QUERY
    SELECT named.origin, coalesce(head.size, 0), encode(coalesce(head.edges, ''), 'hex'), coalesce(head.note, '')
    FROM audit.log_origin AS named
    LEFT JOIN LATERAL (SELECT * FROM audit.tree_head ORDER BY tree_head.size DESC LIMIT 1) AS head ON true;
END
$$;

-- Steps that are committed and in no leaf yet. The head of a station's chain is locked until its request commits, so
-- what is seen of a chain has no gap; between stations the time decides.
CREATE FUNCTION api.log_pending(most integer)
RETURNS TABLE (attempt uuid, seq integer, entry text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT waiting.attempt, waiting.seq, audit.log_entry(waiting.attempt, waiting.seq)
    FROM (SELECT next.attempt, next.seq, next.station_id, next.chain_seq,
                 max(next.at) OVER (PARTITION BY next.station_id ORDER BY next.chain_seq) AS latest
          FROM audit.head LEFT JOIN audit.log_reach AS reached USING (station_id)
          CROSS JOIN LATERAL (SELECT * FROM prov.step AS taken
                              WHERE taken.station_id = head.station_id AND taken.chain_seq > coalesce(reached.seq, 0)
                              ORDER BY taken.chain_seq LIMIT least(most, 10000)) AS next) AS waiting
    ORDER BY waiting.latest, waiting.station_id, waiting.chain_seq LIMIT least(most, 10000)
$$;

-- Leaves and the head over them, together or not at all. The record computes each leaf itself as well. May be repeated.
CREATE FUNCTION api.log_append(first bigint, attempts uuid[], seqs integer[], hashes bytea[], new_root bytea,
                               new_edges bytea, new_note text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named text := (SELECT origin FROM audit.log_origin FOR NO KEY UPDATE);
    added CONSTANT bigint := coalesce(array_length(attempts, 1), 0);
BEGIN
    PERFORM FROM audit.tree_head AS made
    WHERE (made.size, made.root, made.edges, made.note) = (first + added, new_root, new_edges, new_note);
    IF FOUND THEN
        PERFORM prov.settle(NULL, 'log_append ' || first);
        RETURN;
    END IF;
    IF added = 0 OR array_length(seqs, 1) IS DISTINCT FROM added OR array_length(hashes, 1) IS DISTINCT FROM added
       OR first IS DISTINCT FROM (SELECT coalesce(max(leaf), -1) + 1 FROM audit.log) THEN
        PERFORM prov.refuse(402, 'leaves are added behind the last one');
    END IF;
    IF NOT starts_with(new_note, format(E'%s\n%s\n%s\n', named, first + added, encode(new_root, 'base64'))) THEN
        PERFORM prov.refuse(402, 'the signed head is not of this log, size and root');
    END IF;
    PERFORM FROM unnest(attempts, seqs, hashes) AS list (attempt, seq, hash)
    WHERE sha256('\x00' || prov.utf8(audit.log_entry(list.attempt, list.seq))) IS DISTINCT FROM list.hash;
    IF FOUND THEN
        PERFORM prov.refuse(402, 'a leaf is not the hash of its step');
    END IF;
    INSERT INTO audit.log (leaf, attempt, seq, hash)
    SELECT first + list.at - 1, list.attempt, list.seq, list.hash
    FROM unnest(attempts, seqs, hashes) WITH ORDINALITY AS list (attempt, seq, hash, at) ORDER BY list.at;
    INSERT INTO audit.tree_head (size, root, edges, note) VALUES (first + added, new_root, new_edges, new_note);
END
$$;

-- ---- whoever checks ----

CREATE FUNCTION api.log_origin() RETURNS TABLE (origin text, waiting bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT named.origin, (SELECT count(*) FROM prov.step) - (SELECT count(*) FROM audit.log)
    FROM audit.log_origin AS named
$$;

-- Leaves from a number on, each with its hash as it was sealed and its entry as the tables give it now.
CREATE FUNCTION api.log_page(from_leaf bigint, most integer)
RETURNS TABLE (leaf bigint, hash text, entry text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sealed.leaf, encode(sealed.hash, 'hex'), audit.log_entry(sealed.attempt, sealed.seq)
    FROM audit.log AS sealed WHERE sealed.leaf >= from_leaf ORDER BY sealed.leaf LIMIT least(most, 10000)
$$;

CREATE FUNCTION api.log_heads(from_size bigint, most integer)
RETURNS TABLE (size bigint, note text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT head.size, head.note FROM audit.tree_head AS head WHERE head.size >= from_size
    ORDER BY head.size LIMIT least(most, 10000)
$$;

GRANT SELECT ON audit.log_origin, audit.log, audit.tree_head, audit.log_reach TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.session, api.log_begin, api.log_pending, api.log_append TO kokuin_sealer;
GRANT EXECUTE ON FUNCTION api.log_origin, api.log_page, api.log_heads TO kokuin_sealer, kokuin_auditor;

CREATE OR REPLACE FUNCTION prov.grant_person(person_kind text, new_login text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF person_kind NOT IN ('auditor', 'planner', 'sealer') THEN
        PERFORM prov.refuse(402, 'a person is an auditor, a planner or a sealer');
    END IF;
    PERFORM prov.grant_login(new_login, 'kokuin_' || person_kind);
END
$$;

RESET ROLE;
