-- Revocation lists: what is on them, and each one that was made. A list is registered before it is published, so the
-- record knows every list that anybody can have, and a number that was taken for a list that was never seen is harmless.
SET ROLE prov_owner;

CREATE TABLE prov.revocation_list (
    issuer_sha256 bytea NOT NULL CONSTRAINT revocation_list_issuer REFERENCES prov.issuer (sha256),
    number bigint NOT NULL CONSTRAINT revocation_list_first CHECK (number >= 1),
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL,
    revoked integer NOT NULL CONSTRAINT revocation_list_revoked CHECK (revoked >= 0),
    sha256 bytea NOT NULL CONSTRAINT revocation_list_sha256 UNIQUE
        CONSTRAINT revocation_list_sha256_size CHECK (octet_length(sha256) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT revocation_list_pkey PRIMARY KEY (issuer_sha256, number),
    CONSTRAINT revocation_list_times CHECK (next_update > this_update)
);

-- The lists of one issuer go forward: number by number, later each time, and no certificate leaves them again.
CREATE FUNCTION prov.check_revocation_list() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before prov.revocation_list;
BEGIN
    PERFORM FROM prov.issuer WHERE sha256 = NEW.issuer_sha256 FOR NO KEY UPDATE; -- one list at a time
    SELECT * INTO before FROM prov.revocation_list WHERE issuer_sha256 = NEW.issuer_sha256
    ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(before.number, 0) + 1 THEN
        PERFORM prov.refuse(420, format('list %s does not follow list %s', NEW.number, coalesce(before.number, 0)));
    ELSIF before.this_update >= NEW.this_update THEN
        PERFORM prov.refuse(420, format('a list of %s is not later than the last one, of %s', prov.utc(NEW.this_update),
                                        prov.utc(before.this_update)));
    ELSIF before.revoked > NEW.revoked THEN
        PERFORM prov.refuse(420, format('a list of %s revoked certificates after one of %s', NEW.revoked,
                                        before.revoked));
    ELSIF abs(extract(epoch FROM NEW.this_update - clock_timestamp())) > 300 THEN
        PERFORM prov.refuse(420, format('a list of %s: the clocks of this machine and the record are 5 minutes apart',
                                        prov.utc(NEW.this_update)));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.revocation_list
    FOR EACH ROW EXECUTE FUNCTION prov.check_revocation_list();
SELECT prov.make_append_only('prov.revocation_list');

-- CRLReason (RFC 5280 5.3.1): 4, superseded, when the unit got another certificate; else 5, cessation of operation.
CREATE FUNCTION prov.revocation_reason(of_attempt uuid) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN EXISTS (
        SELECT FROM prov.attempt AS voided
        JOIN prov.attempt AS later ON later.unit_id = voided.unit_id AND later.number > voided.number
        JOIN prov.certificate AS issued ON issued.attempt = later.attempt
        WHERE voided.attempt = of_attempt) THEN 4 ELSE 5 END
$$;

-- What the next list of an issuer has to be. Times are whole seconds since 1970; 0 is none.
CREATE FUNCTION api.crl_next(of_issuer bytea)
RETURNS TABLE (number bigint, last_update bigint, now bigint, revoked bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.issuer WHERE sha256 = of_issuer;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, 'this issuing certificate is not in the record');
    END IF;
    RETURN QUERY
    SELECT coalesce(max(list.number), 0) + 1, coalesce(extract(epoch FROM max(list.this_update))::bigint, 0),
           extract(epoch FROM clock_timestamp())::bigint,
           (SELECT count(*) FROM prov.certificate AS issued JOIN prov.revocation USING (attempt)
            WHERE issued.issuer_sha256 = of_issuer)
    FROM prov.revocation_list AS list WHERE list.issuer_sha256 = of_issuer;
END
$$;

-- A page of what is revoked, by length and bytes of the serial number, after the one given ('' for the first page).
CREATE FUNCTION api.crl_page(of_issuer bytea, after bytea, most integer)
RETURNS TABLE (serial text, revoked_at bigint, reason integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(issued.serial, 'hex'), floor(extract(epoch FROM revocation.at))::bigint,
           prov.revocation_reason(issued.attempt)
    FROM prov.certificate AS issued JOIN prov.revocation USING (attempt)
    WHERE issued.issuer_sha256 = of_issuer
      AND (octet_length(issued.serial), issued.serial) > (octet_length(after), after)
    ORDER BY octet_length(issued.serial), issued.serial LIMIT least(most, 10000)
$$;
-- The pages are read in this order.
CREATE INDEX certificate_by_issuer ON prov.certificate (issuer_sha256, octet_length(serial), serial);

-- May be repeated with the same values, and answers the same.
CREATE FUNCTION api.crl_register(of_issuer bytea, new_number bigint, new_this_update bigint, new_next_update bigint,
                                 new_revoked integer, new_sha256 bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.revocation_list AS made
    WHERE (made.issuer_sha256, made.number, made.sha256, made.this_update, made.next_update, made.revoked)
        = (of_issuer, new_number, new_sha256, to_timestamp(new_this_update), to_timestamp(new_next_update), new_revoked);
    IF FOUND THEN
        PERFORM prov.settle(NULL, 'crl_register ' || encode(new_sha256, 'hex'));
        RETURN;
    END IF;
    INSERT INTO prov.revocation_list (issuer_sha256, number, this_update, next_update, revoked, sha256)
    VALUES (of_issuer, new_number, to_timestamp(new_this_update), to_timestamp(new_next_update), new_revoked,
            new_sha256);
END
$$;

GRANT SELECT ON prov.revocation_list TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION prov.revocation_reason TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.crl_next, api.crl_page TO kokuin_station, kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.crl_register TO kokuin_station;

RESET ROLE;
