-- Accounting for labels: each one that was ever recorded ends as live, voided, dead, or surely never printed.
SET ROLE prov_owner;

-- The attempt failed with a fault that says nothing had been sent to the printer (base/fault.def: 600 to 605 and 614 to
-- 620). With any other the label may have come out.
CREATE FUNCTION prov.label_was_not_sent(of_attempt uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM prov.failure
                   WHERE attempt = of_attempt AND (number BETWEEN 600 AND 605 OR number BETWEEN 614 AND 620))
$$;

-- One row for each label. `fate` is the only one it can have:
--   live, voided, dead   it was printed
--   in_work              recorded, and its attempt is still at it
--   not_sent             its attempt failed before anything was sent
--   unconfirmed          it may have come out of the printer, or not
-- `settled` says of an unconfirmed one that nobody need look for it: it was seen by a scanner, or its unit got a new
-- password or was scrapped, so that the one on the paper opens nothing.
CREATE VIEW prov.label_fate AS
SELECT label.label, label.copy, label.printer, label.live, label.at, label.attempt, unit.unit_id, unit.serial,
       unit.order_id, attempt.number AS attempt_number, printed.level, printed.at AS printed_at, ended.kind AS ending,
       ended.at AS ended_at,
       CASE WHEN printed.label IS NOT NULL AND label.live AND ended.label IS NULL THEN 'live'
            WHEN printed.label IS NOT NULL AND NOT label.live THEN ended.kind
            WHEN printed.label IS NOT NULL THEN NULL
            WHEN attempt.open THEN 'in_work'
            WHEN prov.label_was_not_sent(label.attempt) THEN 'not_sent'
            ELSE 'unconfirmed' END AS fate,
       EXISTS (SELECT FROM prov.scan WHERE scan.label = label.label)
       OR EXISTS (SELECT FROM prov.scrap WHERE scrap.unit_id = unit.unit_id)
       OR EXISTS (SELECT FROM prov.attempt AS later
                  WHERE later.unit_id = unit.unit_id AND later.number > attempt.number AND later.state = 'closed')
           AS settled
FROM prov.label
JOIN prov.attempt USING (attempt)
JOIN prov.unit ON unit.unit_id = label.unit_id
LEFT JOIN prov.label_event AS printed ON printed.label = label.label AND printed.kind = 'printed'
LEFT JOIN prov.label_event AS ended ON ended.label = label.label AND ended.kind <> 'printed';
CREATE INDEX scan_by_label ON prov.scan (label);

CREATE FUNCTION api.label_show(wanted text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    document jsonb;
BEGIN
    SELECT jsonb_build_object(
        'label', shown.label, 'copy', shown.copy, 'fate', shown.fate, 'live', shown.live, 'serial', shown.serial,
        'order', (SELECT number FROM prov.work_order WHERE order_id = shown.order_id), 'attempt', shown.attempt,
        'attempt_number', shown.attempt_number, 'printer', shown.printer, 'made', prov.utc(shown.at),
        'printed_level', shown.level, 'printed', prov.utc(shown.printed_at), 'ended', prov.utc(shown.ended_at),
        'scans', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                             'at', prov.utc(scan.at), 'station', station.name, 'slot', held.slot,
                             'unit_in_slot', unit.serial, 'answer', scan.answer) ORDER BY scan.scan_id), '[]')
                  FROM prov.scan JOIN prov.attempt AS held USING (attempt) JOIN prov.station USING (station_id)
                  JOIN prov.unit USING (unit_id)
                  WHERE scan.label = shown.label))
    INTO document
    FROM prov.label_fate AS shown WHERE shown.label = wanted;
    IF NOT FOUND THEN
        PERFORM prov.refuse(613, 'there is no such label');
    END IF;
    RETURN document::text;
END
$$;

-- The order's number, or NULL for all. Refuses an order that is not there.
CREATE FUNCTION prov.order_named(wanted text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_order bigint := (SELECT order_id FROM prov.work_order WHERE number = wanted);
BEGIN
    IF wanted IS NOT NULL AND found_order IS NULL THEN
        PERFORM prov.refuse(409, 'there is no such order');
    END IF;
    RETURN found_order;
END
$$;

CREATE FUNCTION api.label_count(of_order text)
RETURNS TABLE (made bigint, printed bigint, live bigint, voided bigint, dead bigint, in_work bigint, not_sent bigint,
               unconfirmed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted bigint := prov.order_named(of_order);
BEGIN
    RETURN QUERY
    SELECT count(*), count(counted.level), count(*) FILTER (WHERE fate = 'live'),
           count(*) FILTER (WHERE fate = 'voided'), count(*) FILTER (WHERE fate = 'dead'),
           count(*) FILTER (WHERE fate = 'in_work'), count(*) FILTER (WHERE fate = 'not_sent'),
           count(*) FILTER (WHERE fate = 'unconfirmed')
    FROM prov.label_fate AS counted WHERE wanted IS NULL OR counted.order_id = wanted;
END
$$;

-- What does not add up, each with the unit and the label, if there is one:
--   unconfirmed   a label that may be on paper somewhere with a password that may still open its unit
--   contradiction a label whose events and state do not agree; no request of ours can make one
--   unlabelled    a closed unit without exactly one live label that was printed and scanned
CREATE FUNCTION api.label_findings(of_order text)
RETURNS TABLE (finding text, serial text, label text, copy integer, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted bigint := prov.order_named(of_order);
BEGIN
    RETURN QUERY
    SELECT CASE WHEN held.fate IS NULL THEN 'contradiction' ELSE 'unconfirmed' END, held.serial, held.label, held.copy,
           prov.utc(held.at)
    FROM prov.label_fate AS held
    WHERE (held.fate IS NULL OR (held.fate = 'unconfirmed' AND NOT held.settled))
      AND (wanted IS NULL OR held.order_id = wanted)
    UNION ALL
    SELECT 'unlabelled', unit.serial, '', 0, prov.utc(unit.at)
    FROM prov.unit JOIN prov.attempt AS closed ON closed.unit_id = unit.unit_id AND closed.state = 'closed'
    WHERE 1 <> (SELECT count(*) FROM prov.label_fate AS held
                WHERE held.attempt = closed.attempt AND held.fate = 'live'
                  AND EXISTS (SELECT FROM prov.scan WHERE scan.matched_label = held.label))
      AND (wanted IS NULL OR unit.order_id = wanted)
    ORDER BY 2, 3;
END
$$;

GRANT SELECT ON prov.label_fate TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION prov.label_was_not_sent TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.label_show, api.label_count, api.label_findings
    TO kokuin_station, kokuin_auditor, kokuin_planner;

RESET ROLE;
