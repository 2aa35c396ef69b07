-- Which CA issued a unit's certificate, and on which token its key is: a station with a spare token has two of them.
SET ROLE prov_owner;

-- The DER says the same, to those who can read it; CAs registered before this migration have their DER only.
ALTER TABLE prov.issuer ADD COLUMN subject text CONSTRAINT issuer_subject CHECK (length(subject) BETWEEN 1 AND 256);

DROP FUNCTION api.issuer_register(bytea, text);
CREATE FUNCTION api.issuer_register(new_der bytea, new_subject text, new_token text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO prov.issuer (sha256, der, subject, token_label)
    VALUES (sha256(new_der), new_der, new_subject, new_token)
    ON CONFLICT (sha256) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM prov.settle(NULL, 'issuer ' || encode(sha256(new_der), 'hex'));
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION api.issuer_register TO kokuin_station;

-- What api.unit_show() says of an attempt, with the CA beside its certificate.
ALTER FUNCTION prov.attempt_document(prov.attempt) RENAME TO attempt_facts;
CREATE FUNCTION prov.attempt_document(shown prov.attempt) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT jsonb_set(facts, '{certificate,issuer}', jsonb_build_object(
                    'subject', issuer.subject, 'token', issuer.token_label, 'sha256', encode(issuer.sha256, 'hex')))
         FROM prov.certificate AS issued JOIN prov.issuer ON issuer.sha256 = issued.issuer_sha256
         WHERE issued.attempt = shown.attempt),
        facts)
    FROM prov.attempt_facts(shown) AS facts
$$;

RESET ROLE;
