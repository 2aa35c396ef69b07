-- What people ask: orders, lists, one unit's life, and what the record as a whole can prove. No answer holds a secret.
SET ROLE prov_owner;

CREATE FUNCTION prov.words(list text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(btrim(word)), '{}') FROM unnest(string_to_array(list, ',')) AS word
    WHERE btrim(word) <> ''
$$;

CREATE FUNCTION api.order_open(new_number text, new_code text, new_model text, new_gtin text, new_quantity integer,
                               new_macs integer, new_route text, new_kinds text, new_evidence text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made bigint;
BEGIN
    PERFORM FROM prov.work_order WHERE number = new_number;
    IF FOUND THEN
        PERFORM prov.refuse(410, format('order %s is in the record', new_number));
    END IF;
    IF new_route <> 'none' AND prov.words(new_kinds) = '{}' THEN
        PERFORM prov.refuse(402, format('route %s needs at least one kind of credential', new_route));
    ELSIF prov.words(new_evidence) = '{}' THEN
        PERFORM prov.refuse(402, 'an order names the evidence that closes a unit');
    END IF;
    INSERT INTO prov.product (code, model, gtin) VALUES (new_code, new_model, new_gtin) ON CONFLICT (code) DO NOTHING;
    PERFORM FROM prov.product WHERE code = new_code AND model = new_model AND gtin = new_gtin;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, format('product %s is in the record with another model or GTIN', new_code));
    END IF;
    INSERT INTO prov.work_order (number, product_code, route, macs_per_unit, quantity)
    VALUES (new_number, new_code, new_route, new_macs, new_quantity)
    ON CONFLICT (number) DO NOTHING RETURNING order_id INTO made;
    IF made IS NULL THEN
        PERFORM prov.refuse(410, format('order %s is in the record', new_number));
    END IF;
    INSERT INTO prov.order_credential SELECT made, unnest(prov.words(new_kinds));
    INSERT INTO prov.order_evidence SELECT made, unnest(prov.words(new_evidence));
END
$$;

CREATE FUNCTION api.order_close(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    closing prov.work_order;
    unfinished bigint;
BEGIN
    SELECT * INTO closing FROM prov.work_order WHERE number = wanted FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM prov.refuse(409, 'there is no such order');
    ELSIF NOT closing.open THEN
        PERFORM prov.settle(NULL, 'order_close ' || wanted);
        RETURN;
    END IF;
    SELECT count(*) INTO unfinished FROM prov.unit JOIN prov.attempt USING (unit_id)
    WHERE unit.order_id = closing.order_id AND attempt.open;
    IF unfinished > 0 THEN
        PERFORM prov.refuse(418, format('%s units of order %s are unfinished', unfinished, wanted));
    END IF;
    UPDATE prov.work_order SET open = false, closed_at = clock_timestamp(), closed_by = session_user
    WHERE order_id = closing.order_id;
END
$$;

CREATE FUNCTION prov.unit_state(of_unit bigint, last_state text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM prov.scrap WHERE unit_id = of_unit) THEN 'scrapped' ELSE last_state END
$$;

-- One row for each unit, with its last attempt.
CREATE VIEW prov.unit_now AS
SELECT unit.unit_id, unit.order_id, unit.serial, product.model, work_order.number AS order_number,
       prov.unit_state(unit.unit_id, last.state) AS state, station.name AS station, last.slot, unit.mac_base,
       unit.mac_count, last.number AS attempts, last.attempt AS last_attempt, unit.at AS created,
       (SELECT written.at FROM prov.step AS written
        WHERE written.attempt = last.attempt AND written.seq = last.last_seq) AS changed,
       coalesce((SELECT failure.number FROM prov.failure JOIN prov.attempt AS failed USING (attempt)
                 WHERE failed.unit_id = unit.unit_id ORDER BY failed.number DESC LIMIT 1), 0) AS fault
FROM prov.unit
JOIN prov.product ON product.code = unit.product_code
JOIN prov.work_order USING (order_id)
CROSS JOIN LATERAL (SELECT * FROM prov.attempt WHERE attempt.unit_id = unit.unit_id
                    ORDER BY attempt.number DESC LIMIT 1) AS last
JOIN prov.station USING (station_id);

CREATE FUNCTION api.unit_list(of_order text, of_state text, of_station text, most integer)
RETURNS TABLE (serial text, model text, order_number text, state text, station text, slot integer, mac bigint,
               mac_count integer, attempts integer, created text, changed text, fault integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT serial, model, order_number, state, station, slot, mac_base, mac_count, attempts, prov.utc(created),
           prov.utc(changed), fault
    FROM prov.unit_now
    WHERE (of_order IS NULL OR order_number = of_order) AND (of_state IS NULL OR state = of_state)
      AND (of_station IS NULL OR station = of_station)
    ORDER BY unit_id LIMIT most
$$;

CREATE FUNCTION prov.attempt_document(shown prov.attempt) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'attempt', shown.attempt, 'number', shown.number, 'state', shown.state, 'slot', shown.slot,
        'station', (SELECT name FROM prov.station WHERE station_id = shown.station_id),
        'operator', shown.badge, 'begun', prov.utc(shown.at), 'interrupted', shown.interrupted,
        'firmware', jsonb_build_object('version', shown.firmware_version,
                                       'sha256', encode(shown.firmware_sha256, 'hex')),
        'product_sha256', encode(shown.product_sha256, 'hex'),
        'steps', (SELECT jsonb_agg(jsonb_build_object('state', to_state, 'at', prov.utc(at), 'chain', chain_seq)
                                   ORDER BY seq)
                  FROM prov.step WHERE step.attempt = shown.attempt),
        'credentials', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'policy', policy_id,
                                                                     'policy_version', policy_version) ORDER BY kind),
                                        '[]')
                        FROM prov.credential WHERE credential.attempt = shown.attempt),
        'certificate', (SELECT jsonb_build_object(
                            'serial', encode(issued.serial, 'hex'), 'sha256', encode(issued.sha256, 'hex'),
                            'spki_sha256', encode(issued.spki_sha256, 'hex'),
                            'issuer_sha256', encode(issued.issuer_sha256, 'hex'),
                            'revoked', revocation.attempt IS NOT NULL,
                            'der_base64', translate(encode(issued.der, 'base64'), E'\n', ''))
                        FROM prov.certificate AS issued LEFT JOIN prov.revocation USING (attempt)
                        WHERE issued.attempt = shown.attempt),
        'receipt_sha256', (SELECT encode(sha256, 'hex') FROM prov.receipt WHERE receipt.attempt = shown.attempt),
        'evidence', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'verdict', verdict,
                                                                  'facts', facts::jsonb, 'at', prov.utc(at))
                                               ORDER BY seq, name), '[]')
                     FROM prov.evidence WHERE evidence.attempt = shown.attempt),
        'labels', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'label', label, 'copy', copy, 'printer', printer, 'live', live,
                              'template_sha256', encode(template_sha256, 'hex'),
                              'bitmap_sha256', encode(bitmap_sha256, 'hex'),
                              'events', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                                    'kind', happened.kind, 'level', happened.level,
                                                    'at', prov.utc(happened.at)) ORDER BY happened.at), '[]')
                                         FROM prov.label_event AS happened WHERE happened.label = label.label))
                              ORDER BY copy), '[]')
                   FROM prov.label WHERE label.attempt = shown.attempt),
        'scans', (SELECT coalesce(jsonb_agg(jsonb_build_object('serial', serial, 'label', label, 'answer', answer,
                                                               'at', prov.utc(at)) ORDER BY scan_id), '[]')
                  FROM prov.scan WHERE scan.attempt = shown.attempt),
        'fault', (SELECT jsonb_build_object('number', number, 'name', name, 'text', text)
                  FROM prov.failure WHERE failure.attempt = shown.attempt))
$$;

CREATE FUNCTION api.unit_show(of_serial text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    document jsonb;
BEGIN
    SELECT jsonb_build_object(
        'serial', now.serial, 'model', now.model, 'order', now.order_number, 'state', now.state,
        'mac', array_to_string(regexp_match(lpad(to_hex(now.mac_base), 12, '0'), '(..)(..)(..)(..)(..)(..)'), ':'),
        'mac_count', now.mac_count, 'hardware_id', encode(made.hardware_id, 'hex'), 'created', prov.utc(now.created),
        'changed', prov.utc(now.changed),
        'scrap', (SELECT jsonb_build_object('reason', reason, 'at', prov.utc(at)) FROM prov.scrap
                  WHERE unit_id = now.unit_id),
        'attempts', (SELECT jsonb_agg(prov.attempt_document(tried) ORDER BY tried.number) FROM prov.attempt AS tried
                     WHERE tried.unit_id = now.unit_id))
    INTO document
    FROM prov.unit_now AS now JOIN prov.unit AS made USING (unit_id) WHERE now.serial = of_serial;
    IF NOT FOUND THEN
        PERFORM prov.refuse(412, 'there is no such unit');
    END IF;
    RETURN document::text;
END
$$;

-- Counted over all rows, as if no UNIQUE existed.
CREATE FUNCTION prov.count_duplicates() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) - count(DISTINCT serial) + count(*) - count(DISTINCT serial_number)
                   + count(*) - count(DISTINCT hardware_id) FROM prov.unit)
         + (SELECT count(*) FROM (SELECT mac_base < max(mac_base + mac_count) OVER (
                                             ORDER BY mac_base
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS collides
                                  FROM prov.unit) AS block WHERE collides)
         + (SELECT count(*) - count(DISTINCT fingerprint) FROM prov.credential)
         + (SELECT count(*) - count(DISTINCT sha256) + count(*) - count(DISTINCT spki_sha256)
                   + count(*) - count(DISTINCT (issuer_sha256, serial)) FROM prov.certificate)
         + (SELECT count(*) - count(DISTINCT hardware_id) FROM prov.attempt WHERE live)
$$;

-- For each lease: every block below its cursor is exactly one unit's or one void's.
CREATE FUNCTION prov.count_unaccounted() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(abs((held.next - lower(held.numbers)) / held.block
                            - (SELECT count(DISTINCT used.number) FROM (
                                   SELECT serial_number AS number FROM prov.unit
                                   WHERE held.kind = 'serial' AND serial_lease = held.lease_id
                                   UNION ALL
                                   SELECT mac_base FROM prov.unit
                                   WHERE held.kind = 'mac' AND mac_lease = held.lease_id
                                   UNION ALL
                                   SELECT void.number FROM prov.number_void AS void
                                   WHERE void.lease_id = held.lease_id) AS used
                               WHERE used.number >= lower(held.numbers) AND used.number < held.next))), 0)::bigint
    FROM prov.lease AS held
$$;

CREATE FUNCTION api.summary() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH units AS (
        SELECT count(*) AS made,
               count(*) FILTER (WHERE state = 'closed') AS closed,
               count(*) FILTER (WHERE state = 'failed') AS failed,
               count(*) FILTER (WHERE state = 'scrapped') AS scrapped,
               count(*) FILTER (WHERE state NOT IN ('closed', 'failed', 'scrapped')) AS in_work,
               count(*) FILTER (WHERE state = 'closed' AND attempts > 1) AS reworked
        FROM prov.unit_now
    ), labels AS (
        SELECT count(*) AS made, count(*) FILTER (WHERE label.live AND attempt.state = 'closed') AS live
        FROM prov.label JOIN prov.attempt USING (attempt)
    ), certificates AS (
        SELECT count(*) AS made, count(revocation.attempt) AS revoked
        FROM prov.certificate LEFT JOIN prov.revocation USING (attempt)
    ), failures AS (
        SELECT coalesce(jsonb_agg(jsonb_build_object('number', number, 'name', name, 'count', times)
                                  ORDER BY number, name), '[]') AS faults,
               coalesce(sum(times), 0) AS total
        FROM (SELECT number, name, count(*) AS times FROM prov.failure GROUP BY number, name) AS counted
    )
    SELECT jsonb_build_object(
        'units', units.made, 'closed', units.closed, 'failed', units.failed, 'in_work', units.in_work,
        'scrapped', units.scrapped, 'reworked', units.reworked,
        'labels', jsonb_build_object('live', labels.live, 'void', labels.made - labels.live),
        'duplicates', prov.count_duplicates(), 'unaccounted_numbers', prov.count_unaccounted(),
        'attempts', (SELECT count(*) FROM prov.attempt),
        'attempts_failed', jsonb_build_object('count', failures.total, 'faults', failures.faults),
        'credentials', (SELECT count(*) FROM prov.credential),
        'certificates', jsonb_build_object('live', certificates.made - certificates.revoked,
                                           'revoked', certificates.revoked))::text
    FROM units, labels, certificates, failures
$$;

-- The chain of one station or all: how many links do not hold. 0 is what it must be.
CREATE FUNCTION api.chain_check() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM (
                SELECT chain_seq = 1 + lag(chain_seq, 1, 0::bigint) OVER chain
                       AND chain_prev = lag(chain_hash, 1, ''::bytea) OVER chain
                       AND chain_hash = sha256(int4send(station_id) || int8send(chain_seq)
                                               || int4send(octet_length(chain_prev)) || chain_prev
                                               || uuid_send(attempt) || int4send(seq) || convert_to(to_state, 'UTF8')
                                               || timestamptz_send(at) || request_sha256) AS holds
                FROM prov.step WINDOW chain AS (PARTITION BY station_id ORDER BY chain_seq)) AS link
            WHERE NOT holds)
         + (SELECT count(*) FROM audit.head LEFT JOIN LATERAL (
                SELECT chain_seq, chain_hash FROM prov.step WHERE step.station_id = head.station_id
                ORDER BY chain_seq DESC LIMIT 1) AS last ON true
            WHERE (head.seq, head.hash) IS DISTINCT FROM (coalesce(last.chain_seq, 0), coalesce(last.chain_hash, '')))
$$;

RESET ROLE;
