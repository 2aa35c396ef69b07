-- The functions of a station that move a reserved attempt, one for each commit of the journey. Each is one transaction;
-- each may be repeated with the same arguments and then answers the same, after writing a row of prov.resolve.
SET ROLE prov_owner;

-- Credentials come as arrays of one length.
CREATE FUNCTION api.intent(of_attempt uuid, kinds text[], policy_ids text[], policy_versions integer[],
                           fingerprints bytea[], seals bytea[], recovery_keys bytea[], issuer bytea,
                           certificate_serial bytea, certificate_sha256 bytea, spki_sha256 bytea, der bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    expired record;
    request bytea := prov.digest(VARIADIC ARRAY[prov.utf8('intent'), issuer, certificate_serial, certificate_sha256,
                                                spki_sha256, der]
                                          || fingerprints || seals || recovery_keys
                                          || ARRAY[prov.utf8(kinds::text), prov.utf8(policy_ids::text),
                                                   prov.utf8(policy_versions::text)]);
BEGIN
    IF prov.is_repeated(moving, 'injecting', request) THEN
        RETURN;
    END IF;
    PERFORM prov.demand(moving, 'injecting');
    IF array_length(policy_ids, 1) IS DISTINCT FROM array_length(kinds, 1)
       OR array_length(policy_versions, 1) IS DISTINCT FROM array_length(kinds, 1)
       OR array_length(fingerprints, 1) IS DISTINCT FROM array_length(kinds, 1)
       OR array_length(seals, 1) IS DISTINCT FROM array_length(kinds, 1)
       OR array_length(recovery_keys, 1) IS DISTINCT FROM array_length(kinds, 1) THEN
        PERFORM prov.refuse(402, 'the credentials of an attempt are lists of one length');
    END IF;
    SELECT stamped.id, stamped.version INTO expired
    FROM prov.policy AS stamped
    JOIN unnest(policy_ids, policy_versions) AS wanted (id, version) USING (id, version)
    WHERE current_date NOT BETWEEN stamped.valid_from AND stamped.valid_until;
    IF FOUND THEN
        PERFORM prov.refuse(504, format('policy %s version %s is not valid today', expired.id, expired.version));
    END IF;

    INSERT INTO vault.sealed (attempt, kind, recovery_key, sealed)
    SELECT of_attempt, list.kind, list.recovery_key, list.sealed
    FROM unnest(kinds, recovery_keys, seals) AS list (kind, recovery_key, sealed);
    INSERT INTO prov.credential (attempt, kind, fingerprint, policy_id, policy_version)
    SELECT of_attempt, list.kind, list.fingerprint, list.id, list.version
    FROM unnest(kinds, fingerprints, policy_ids, policy_versions) AS list (kind, fingerprint, id, version);
    INSERT INTO prov.certificate (attempt, issuer_sha256, serial, sha256, spki_sha256, der)
    VALUES (of_attempt, issuer, certificate_serial, certificate_sha256, spki_sha256, der);
    PERFORM prov.step_to(moving, 'injecting', request);
END
$$;

CREATE FUNCTION api.injected(of_attempt uuid, receipt bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('injected'), receipt);
BEGIN
    IF octet_length(receipt) <> 32 THEN
        PERFORM prov.refuse(402, 'a receipt is 32 bytes');
    END IF;
    IF NOT prov.is_repeated(moving, 'injected', request) THEN
        PERFORM prov.demand(moving, 'injected');
        INSERT INTO prov.receipt (attempt, sha256) VALUES (of_attempt, receipt);
        PERFORM prov.step_to(moving, 'injected', request);
    END IF;
END
$$;

CREATE FUNCTION prov.add_evidence(to_attempt prov.attempt, names text[], verdicts text[], facts text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF array_length(verdicts, 1) IS DISTINCT FROM array_length(names, 1)
       OR array_length(facts, 1) IS DISTINCT FROM array_length(names, 1) THEN
        PERFORM prov.refuse(402, 'evidence is lists of one length');
    END IF;
    INSERT INTO prov.evidence (attempt, seq, name, verdict, facts)
    SELECT to_attempt.attempt, to_attempt.last_seq + 1, list.name, list.verdict, list.fact::json
    FROM unnest(names, verdicts, facts) AS list (name, verdict, fact);
END
$$;

CREATE FUNCTION api.verified(of_attempt uuid, names text[], verdicts text[], facts text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('verified'), prov.utf8(names::text), prov.utf8(verdicts::text),
                                 prov.utf8(facts::text));
BEGIN
    IF NOT prov.is_repeated(moving, 'verified', request) THEN
        PERFORM prov.demand(moving, 'verified');
        PERFORM prov.add_evidence(moving, names, verdicts, facts);
        PERFORM prov.step_to(moving, 'verified', request);
    END IF;
END
$$;

CREATE FUNCTION api.labelling(of_attempt uuid, new_label text, new_copy integer, new_printer text, template bytea,
                              bitmap bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('labelling'), prov.utf8(new_label), int4send(new_copy),
                                 prov.utf8(new_printer), template, bitmap);
BEGIN
    IF prov.is_repeated(moving, 'labelling', request) THEN
        RETURN;
    END IF;
    PERFORM prov.demand(moving, 'labelling');
    PERFORM FROM prov.label WHERE attempt = of_attempt AND live;
    IF FOUND THEN
        PERFORM prov.refuse(402, 'the label before must be voided first');
    END IF;
    INSERT INTO prov.label (label, attempt, unit_id, copy, printer, template_sha256, bitmap_sha256)
    VALUES (new_label, of_attempt, moving.unit_id, new_copy, new_printer, template, bitmap);
    PERFORM prov.step_to(moving, 'labelling', request);
END
$$;

CREATE FUNCTION api.labelled(of_attempt uuid, of_label text, print_level text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('labelled'), prov.utf8(of_label), prov.utf8(print_level));
BEGIN
    IF prov.is_repeated(moving, 'labelled', request) THEN
        RETURN;
    END IF;
    PERFORM prov.demand(moving, 'labelled');
    PERFORM FROM prov.label WHERE label = of_label AND attempt = of_attempt AND live;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, 'this is not the live label of the attempt');
    END IF;
    INSERT INTO prov.label_event (label, kind, level) VALUES (of_label, 'printed', print_level);
    PERFORM prov.step_to(moving, 'labelled', request);
END
$$;

-- A spoilt label, in a person's hand, before it was scanned. The attempt stays `labelled` and waits for copy n+1.
CREATE FUNCTION api.label_void(of_attempt uuid, of_label text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holding prov.attempt := prov.own_attempt(of_attempt);
BEGIN
    PERFORM FROM prov.label JOIN prov.label_event AS ended USING (label)
    WHERE label.label = of_label AND label.attempt = of_attempt AND ended.kind = 'voided';
    IF FOUND THEN
        PERFORM prov.settle(of_attempt, 'label_void ' || of_label);
        RETURN;
    END IF;
    PERFORM FROM prov.label WHERE label = of_label AND attempt = of_attempt AND live;
    IF NOT FOUND OR holding.state <> 'labelled' THEN
        PERFORM prov.refuse(402, 'only the live label of a labelled attempt is voided');
    END IF;
    INSERT INTO prov.label_event (label, kind) VALUES (of_label, 'voided');
END
$$;

-- Answers with a word instead of an error, because the scan's row must stay.
CREATE FUNCTION api.scanned(of_attempt uuid, seen_serial text, seen_label text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('scanned'), prov.utf8(seen_serial), prov.utf8(seen_label));
    answer text;
    repeated boolean;
BEGIN
    IF seen_serial IS DISTINCT FROM (SELECT serial FROM prov.unit WHERE unit_id = moving.unit_id)
       OR EXISTS (SELECT FROM prov.label WHERE label = seen_label AND unit_id <> moving.unit_id) THEN
        answer := 'wrong_unit';
    ELSIF NOT EXISTS (SELECT FROM prov.label WHERE label = seen_label AND attempt = of_attempt AND live) THEN
        answer := 'dead_label';
    ELSIF moving.state NOT IN ('labelled', 'scanned') THEN
        answer := 'not_expected';
    ELSE
        answer := 'matched';
    END IF;
    INSERT INTO prov.scan (attempt, serial, label, answer, matched_label)
    VALUES (of_attempt, left(seen_serial, 64), left(seen_label, 64), answer,
            CASE answer WHEN 'matched' THEN seen_label END);
    IF answer = 'matched' THEN
        repeated := prov.is_repeated(moving, 'scanned', request);
        IF NOT repeated THEN
            PERFORM prov.demand(moving, 'scanned');
            PERFORM prov.step_to(moving, 'scanned', request);
        END IF;
    END IF;
    RETURN answer;
END
$$;

CREATE FUNCTION api.close(of_attempt uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('closed'));
BEGIN
    IF NOT prov.is_repeated(moving, 'closed', request) THEN
        PERFORM prov.demand(moving, 'closed');
        PERFORM prov.step_to(moving, 'closed', request);
    END IF;
END
$$;

CREATE FUNCTION api.fail(of_attempt uuid, fault integer, fault_name text, why text, names text[], verdicts text[],
                         facts text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt := prov.own_attempt(of_attempt);
    request bytea := prov.digest(prov.utf8('failed'), int4send(fault), prov.utf8(fault_name), prov.utf8(why),
                                 prov.utf8(names::text), prov.utf8(verdicts::text), prov.utf8(facts::text));
BEGIN
    IF NOT prov.is_repeated(moving, 'failed', request) THEN
        PERFORM prov.demand(moving, 'failed');
        PERFORM prov.add_evidence(moving, names, verdicts, facts);
        PERFORM prov.fail(moving, fault, fault_name, why, request);
    END IF;
END
$$;

-- A unit that cannot be reworked. Stations say so of a unit that failed in their hands; planners of any.
CREATE FUNCTION api.unit_scrap(of_serial text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me integer := (SELECT station_id FROM prov.station WHERE login = session_user);
    wanted prov.unit;
    last_attempt prov.attempt;
BEGIN
    -- The unit's row keeps a new attempt away until this is committed (its foreign key waits).
    SELECT * INTO wanted FROM prov.unit WHERE serial = of_serial FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM prov.refuse(412, 'there is no such unit');
    END IF;
    SELECT * INTO last_attempt FROM prov.attempt WHERE unit_id = wanted.unit_id ORDER BY number DESC LIMIT 1;
    IF me <> last_attempt.station_id THEN
        PERFORM prov.refuse(407, 'the unit failed at another station');
    ELSIF last_attempt.state <> 'failed' THEN
        PERFORM prov.refuse(402, format('the unit is %s; only a failed one is scrapped', last_attempt.state));
    END IF;
    INSERT INTO prov.scrap (unit_id, reason) VALUES (wanted.unit_id, why) ON CONFLICT (unit_id) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM prov.settle(last_attempt.attempt, 'unit_scrap');
    END IF;
END
$$;

RESET ROLE;
