-- A spoilt label is voided by scanning it, and then printed again as the next copy. A label of which the printer said
-- nothing is printed once a scanner has seen it. And what a station compares a resumed unit with.
SET ROLE prov_owner;

-- `scanned`: nobody but a scanner has ever said that it was printed.
ALTER TABLE prov.label_event DROP CONSTRAINT label_event_level;
ALTER TABLE prov.label_event ADD CONSTRAINT label_event_level
    CHECK (level IN ('sent', 'claimed', 'counted', 'scanned'));

-- `seen`: in a person's hand, while it was not known whether it had come out. `spoilt`: in a person's hand, to be voided.
ALTER TABLE prov.scan DROP CONSTRAINT scan_answer;
ALTER TABLE prov.scan ADD CONSTRAINT scan_answer
    CHECK (answer IN ('matched', 'wrong_unit', 'dead_label', 'not_expected', 'seen', 'spoilt'));

-- No label is voided, and none is printed on a scanner's word, without the row of that scan, written before it.
CREATE FUNCTION prov.check_label_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := CASE WHEN NEW.kind = 'voided' THEN 'spoilt' WHEN NEW.level = 'scanned' THEN 'seen' END;
BEGIN
    IF wanted IS NOT NULL
       AND NOT EXISTS (SELECT FROM prov.scan JOIN prov.label AS held ON held.label = scan.label
                       WHERE scan.label = NEW.label AND scan.attempt = held.attempt AND scan.answer = wanted) THEN
        RAISE EXCEPTION 'a label is voided, or found to be printed, by its scan' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.label_event
    FOR EACH ROW EXECUTE FUNCTION prov.check_label_event();

-- What a scanned label is to this attempt: 'own', its live label, or why it is not.
CREATE FUNCTION prov.label_is(holding prov.attempt, seen_serial text, seen_label text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN seen_serial IS DISTINCT FROM (SELECT serial FROM prov.unit WHERE unit_id = holding.unit_id)
                     OR EXISTS (SELECT FROM prov.label WHERE label = seen_label AND unit_id <> holding.unit_id)
                THEN 'wrong_unit'
                WHEN EXISTS (SELECT FROM prov.label
                             WHERE label = seen_label AND attempt = holding.attempt AND live) THEN 'own'
                ELSE 'dead_label' END
$$;

-- labelling -> labelled, on the word of a scanner alone. Answers with a word, because the scan's row must stay.
CREATE FUNCTION api.label_seen(of_attempt uuid, seen_serial text, seen_label text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('label_seen'), prov.utf8(seen_serial), prov.utf8(seen_label));
    answer text := prov.label_is(moving, seen_serial, seen_label);
BEGIN
    IF prov.is_repeated(moving, 'labelled', request) THEN
        RETURN 'seen';
    END IF;
    IF answer = 'own' THEN
        answer := CASE moving.state WHEN 'labelling' THEN 'seen' ELSE 'not_expected' END;
    END IF;
    INSERT INTO prov.scan (attempt, serial, label, answer)
    VALUES (of_attempt, left(seen_serial, 64), left(seen_label, 64), answer);
    IF answer = 'seen' THEN
        INSERT INTO prov.label_event (label, kind, level) VALUES (seen_label, 'printed', 'scanned');
        PERFORM prov.step_to(moving, 'labelled', request);
    END IF;
    RETURN answer;
END
$$;

-- A spoilt label, in a person's hand: the scan of it is what voids it. The attempt stays `labelled` and waits for copy
-- n+1. Repeated: while the label is the attempt's last one; later a scan of it is a scan of a dead label.
DROP FUNCTION api.label_void(uuid, text);
CREATE FUNCTION api.label_void(of_attempt uuid, seen_serial text, seen_label text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holding prov.attempt := prov.own_attempt(of_attempt);
    answer text := prov.label_is(holding, seen_serial, seen_label);
BEGIN
    PERFORM FROM prov.label JOIN prov.label_event AS ended USING (label)
    WHERE label.label = seen_label AND label.attempt = of_attempt AND ended.kind = 'voided'
      AND label.copy = (SELECT max(copy) FROM prov.label AS held WHERE held.attempt = of_attempt);
    IF FOUND AND answer = 'dead_label' AND holding.state = 'labelled' THEN
        PERFORM prov.settle(of_attempt, 'label_void ' || seen_label);
        RETURN 'spoilt';
    END IF;
    IF answer = 'own' THEN
        answer := CASE holding.state WHEN 'labelled' THEN 'spoilt' ELSE 'not_expected' END;
    END IF;
    INSERT INTO prov.scan (attempt, serial, label, answer)
    VALUES (of_attempt, left(seen_serial, 64), left(seen_label, 64), answer);
    IF answer = 'spoilt' THEN
        INSERT INTO prov.label_event (label, kind) VALUES (seen_label, 'voided');
    END IF;
    RETURN answer;
END
$$;

-- SHA-256 of the certificate of an attempt, in hex: what the unit must come back with when the attempt is resumed.
CREATE FUNCTION api.certificate_sha256(of_attempt uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holding prov.attempt := prov.own_attempt(of_attempt);
    digest text := (SELECT encode(sha256, 'hex') FROM prov.certificate WHERE attempt = holding.attempt);
BEGIN
    IF digest IS NULL THEN
        PERFORM prov.refuse(402, 'the attempt has no certificate');
    END IF;
    RETURN digest;
END
$$;

GRANT EXECUTE ON FUNCTION api.label_seen, api.label_void, api.certificate_sha256 TO kokuin_station;

RESET ROLE;
