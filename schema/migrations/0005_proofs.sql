-- What an attempt leaves behind: credential, certificate, evidence, label, scans, and why it failed; and what each
-- state demands of them.
SET ROLE prov_vault;

-- Passwords, sealed to a key that no station and no database has. Nobody may SELECT here.
CREATE TABLE vault.sealed (
    attempt uuid NOT NULL,
    kind text NOT NULL,
    recovery_key bytea NOT NULL CONSTRAINT sealed_recovery_key CHECK (octet_length(recovery_key) = 32),
    sealed bytea NOT NULL CONSTRAINT sealed_size CHECK (octet_length(sealed) BETWEEN 64 AND 4096),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT sealed_pkey PRIMARY KEY (attempt, kind)
);
SELECT prov.make_append_only('vault.sealed');
GRANT INSERT, REFERENCES ON vault.sealed TO prov_owner;

RESET ROLE;
SET ROLE prov_owner;

-- The fingerprint is an HMAC under a key that is never changed: one key, one UNIQUE, no password twice, ever.
CREATE TABLE prov.credential (
    attempt uuid NOT NULL REFERENCES prov.attempt,
    kind text NOT NULL,
    fingerprint bytea NOT NULL CONSTRAINT credential_fingerprint UNIQUE
        CONSTRAINT credential_fingerprint_size CHECK (octet_length(fingerprint) = 32),
    policy_id text NOT NULL,
    policy_version integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credential_pkey PRIMARY KEY (attempt, kind),
    CONSTRAINT credential_policy FOREIGN KEY (policy_id, policy_version) REFERENCES prov.policy (id, version),
    CONSTRAINT credential_sealed FOREIGN KEY (attempt, kind) REFERENCES vault.sealed (attempt, kind)
);

CREATE TABLE prov.certificate (
    attempt uuid CONSTRAINT certificate_pkey PRIMARY KEY REFERENCES prov.attempt,
    issuer_sha256 bytea NOT NULL CONSTRAINT certificate_issuer REFERENCES prov.issuer (sha256),
    serial bytea NOT NULL CONSTRAINT certificate_serial_size CHECK (octet_length(serial) BETWEEN 8 AND 20),
    sha256 bytea NOT NULL CONSTRAINT certificate_sha256_unique UNIQUE,
    spki_sha256 bytea NOT NULL CONSTRAINT certificate_key_unique UNIQUE
        CONSTRAINT certificate_spki_size CHECK (octet_length(spki_sha256) = 32),
    der bytea NOT NULL CONSTRAINT certificate_der CHECK (octet_length(der) BETWEEN 100 AND 8192),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT certificate_serial_unique UNIQUE (issuer_sha256, serial),
    CONSTRAINT certificate_sha256 CHECK (sha256 = pg_catalog.sha256(der))
);

CREATE TABLE prov.revocation (
    attempt uuid CONSTRAINT revocation_pkey PRIMARY KEY REFERENCES prov.certificate,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the unit said it stored.
CREATE TABLE prov.receipt (
    attempt uuid CONSTRAINT receipt_pkey PRIMARY KEY REFERENCES prov.attempt,
    sha256 bytea NOT NULL CONSTRAINT receipt_size CHECK (octet_length(sha256) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- `facts` keeps the bytes that came (json, not jsonb), because the chain covers them.
CREATE TABLE prov.evidence (
    attempt uuid NOT NULL,
    seq integer NOT NULL, -- the step it was recorded with
    name text NOT NULL CONSTRAINT evidence_name REFERENCES prov.evidence_name,
    verdict text NOT NULL CONSTRAINT evidence_verdict CHECK (verdict IN ('shown', 'failed', 'not_applicable')),
    facts json NOT NULL CONSTRAINT evidence_facts
        CHECK (json_typeof(facts) = 'object' AND octet_length(facts::text) <= 65536),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT evidence_pkey PRIMARY KEY (attempt, seq, name),
    CONSTRAINT evidence_step FOREIGN KEY (attempt, seq) REFERENCES prov.step (attempt, seq)
        DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE prov.failure (
    attempt uuid CONSTRAINT failure_pkey PRIMARY KEY REFERENCES prov.attempt,
    number integer NOT NULL CONSTRAINT failure_number CHECK (number BETWEEN 100 AND 999),
    name text NOT NULL CONSTRAINT failure_name CHECK (name ~ '^[A-Z][A-Z0-9_]{1,47}$'),
    text text NOT NULL CONSTRAINT failure_text CHECK (length(text) <= 256),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE prov.label (
    label text CONSTRAINT label_pkey PRIMARY KEY CONSTRAINT label_form CHECK (label ~ '^[0-9A-HJKMNP-TV-Z]{13}$'),
    attempt uuid NOT NULL,
    unit_id bigint NOT NULL,
    copy integer NOT NULL CONSTRAINT label_first CHECK (copy >= 1),
    printer text NOT NULL CONSTRAINT label_printer CHECK (length(printer) BETWEEN 1 AND 64),
    template_sha256 bytea NOT NULL CONSTRAINT label_template CHECK (octet_length(template_sha256) = 32),
    bitmap_sha256 bytea CONSTRAINT label_bitmap CHECK (octet_length(bitmap_sha256) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    live boolean NOT NULL DEFAULT true,
    CONSTRAINT label_copy UNIQUE (attempt, copy),
    CONSTRAINT label_attempt_key UNIQUE (label, attempt),
    CONSTRAINT label_attempt FOREIGN KEY (attempt, unit_id) REFERENCES prov.attempt (attempt, unit_id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX label_one_live_per_unit ON prov.label (unit_id) WHERE live;
CREATE INDEX label_by_unit ON prov.label (unit_id);

-- printed once, and at most one of voided (by a person, with the label in hand) and dead (with its attempt).
CREATE TABLE prov.label_event (
    label text NOT NULL REFERENCES prov.label,
    kind text NOT NULL CONSTRAINT label_event_kind CHECK (kind IN ('printed', 'voided', 'dead')),
    level text CONSTRAINT label_event_level CHECK (level IN ('sent', 'claimed', 'counted')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT label_event_pkey PRIMARY KEY (label, kind),
    CONSTRAINT label_event_printed CHECK ((kind = 'printed') = (level IS NOT NULL))
);
CREATE UNIQUE INDEX label_event_ends_once ON prov.label_event (label) WHERE kind <> 'printed';

CREATE TABLE prov.scan (
    scan_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT scan_pkey PRIMARY KEY,
    attempt uuid NOT NULL REFERENCES prov.attempt,
    serial text NOT NULL CONSTRAINT scan_serial CHECK (length(serial) <= 64),
    label text NOT NULL CONSTRAINT scan_label CHECK (length(label) <= 64),
    answer text NOT NULL CONSTRAINT scan_answer
        CHECK (answer IN ('matched', 'wrong_unit', 'dead_label', 'not_expected')),
    matched_label text, -- with `matched`: the same label, which must be one of this attempt's
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT scan_matched CHECK ((answer = 'matched') = (matched_label IS NOT NULL)
                                   AND (matched_label IS NULL OR matched_label = label)),
    CONSTRAINT scan_own_label FOREIGN KEY (matched_label, attempt) REFERENCES prov.label (label, attempt)
);
CREATE INDEX scan_by_attempt ON prov.scan (attempt);

CREATE FUNCTION prov.guard_label() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (NEW.label, NEW.attempt, NEW.unit_id, NEW.copy, NEW.printer, NEW.template_sha256, NEW.bitmap_sha256, NEW.at)
          IS DISTINCT FROM
          (OLD.label, OLD.attempt, OLD.unit_id, OLD.copy, OLD.printer, OLD.template_sha256, OLD.bitmap_sha256, OLD.at)
       OR NEW.live
       OR NOT EXISTS (SELECT FROM prov.label_event AS ended WHERE ended.label = NEW.label AND ended.kind <> 'printed')
    THEN
        RAISE EXCEPTION 'a label changes by its events only' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON prov.label FOR EACH ROW EXECUTE FUNCTION prov.guard_label();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON prov.label
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

CREATE FUNCTION prov.check_label() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT NEW.live
       OR NEW.copy <> 1 + (SELECT count(*) FROM prov.label AS before WHERE before.attempt = NEW.attempt) THEN
        RAISE EXCEPTION 'a label is the next copy' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.label FOR EACH ROW EXECUTE FUNCTION prov.check_label();

CREATE FUNCTION prov.end_label() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.kind <> 'printed' THEN
        UPDATE prov.label SET live = false WHERE label = NEW.label AND live;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER end_label AFTER INSERT ON prov.label_event FOR EACH ROW EXECUTE FUNCTION prov.end_label();

-- Each proof belongs to certain states of its attempt (the trigger's arguments), and none comes after the end.
CREATE FUNCTION prov.check_state() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_at text := (SELECT state FROM prov.attempt WHERE attempt = NEW.attempt);
BEGIN
    IF now_at <> ALL (TG_ARGV) THEN
        RAISE EXCEPTION 'no % is added to an attempt that is %', TG_TABLE_NAME, now_at USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_state BEFORE INSERT ON prov.credential
    FOR EACH ROW EXECUTE FUNCTION prov.check_state('reserved');
CREATE TRIGGER check_state BEFORE INSERT ON prov.certificate
    FOR EACH ROW EXECUTE FUNCTION prov.check_state('reserved');
CREATE TRIGGER check_state BEFORE INSERT ON prov.receipt
    FOR EACH ROW EXECUTE FUNCTION prov.check_state('injecting');
CREATE TRIGGER check_state BEFORE INSERT ON prov.label
    FOR EACH ROW EXECUTE FUNCTION prov.check_state('verified', 'labelled');
CREATE TRIGGER check_state BEFORE INSERT ON prov.evidence FOR EACH ROW EXECUTE FUNCTION
    prov.check_state('reserved', 'injecting', 'injected', 'verified', 'labelling', 'labelled', 'scanned');
CREATE TRIGGER check_state BEFORE INSERT ON prov.failure FOR EACH ROW EXECUTE FUNCTION
    prov.check_state('reserved', 'injecting', 'injected', 'verified', 'labelling', 'labelled', 'scanned');

-- What must be in the record before a state may be.
CREATE FUNCTION prov.lacks(wanted prov.attempt, wanted_state text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own_order bigint := (SELECT made.order_id FROM prov.unit AS made WHERE made.unit_id = wanted.unit_id);
BEGIN
    IF wanted_state = 'failed' THEN
        RETURN CASE WHEN NOT EXISTS (SELECT FROM prov.failure WHERE attempt = wanted.attempt) THEN 'its fault' END;
    END IF;
    IF wanted_state IN ('injecting', 'closed') THEN
        IF NOT EXISTS (SELECT FROM prov.certificate WHERE attempt = wanted.attempt)
           OR EXISTS (SELECT FROM prov.revocation WHERE attempt = wanted.attempt) THEN
            RETURN 'a certificate';
        END IF;
        IF ARRAY(SELECT kind FROM prov.credential WHERE attempt = wanted.attempt ORDER BY kind)
           <> ARRAY(SELECT kind FROM prov.order_credential AS named WHERE named.order_id = own_order ORDER BY kind)
        THEN
            RETURN 'exactly the credentials of its order';
        END IF;
    END IF;
    IF wanted_state IN ('labelling', 'labelled', 'scanned', 'closed')
       AND NOT EXISTS (SELECT FROM prov.label AS held WHERE held.attempt = wanted.attempt AND held.live
                       AND EXISTS (SELECT FROM prov.label_event AS printed
                                   WHERE printed.label = held.label AND printed.kind = 'printed')
                           = (wanted_state <> 'labelling')) THEN
        RETURN CASE wanted_state WHEN 'labelling' THEN 'a new label' ELSE 'a printed live label' END;
    END IF;
    IF wanted_state IN ('scanned', 'closed')
       AND NOT EXISTS (SELECT FROM prov.scan AS seen JOIN prov.label AS held ON held.label = seen.matched_label
                       WHERE seen.attempt = wanted.attempt AND held.live) THEN
        RETURN 'a scan of its live label';
    END IF;
    IF wanted_state IN ('verified', 'closed')
       AND EXISTS (SELECT FROM prov.evidence WHERE attempt = wanted.attempt AND verdict = 'failed') THEN
        RETURN 'evidence without a failure';
    END IF;
    IF wanted_state = 'closed' THEN
        RETURN (SELECT 'evidence ' || string_agg(name, ', ' ORDER BY name) FROM prov.order_evidence AS named
                WHERE named.order_id = own_order
                  AND NOT EXISTS (SELECT FROM prov.evidence AS seen
                                  WHERE seen.attempt = wanted.attempt AND seen.name = named.name
                                    AND seen.verdict = 'shown'));
    END IF;
    RETURN NULL;
END
$$;

-- Moves the attempt with its step, or refuses the step. With `failed` its label dies and its certificate is revoked.
CREATE FUNCTION prov.take_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving prov.attempt;
    missing text;
BEGIN
    IF NEW.seq = 0 THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT moving FROM prov.attempt WHERE attempt = NEW.attempt FOR NO KEY UPDATE;
    missing := prov.lacks(moving, NEW.to_state);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'not %: the record lacks %', NEW.to_state, missing USING ERRCODE = 'KK402';
    END IF;
    UPDATE prov.attempt
    SET state = NEW.to_state, last_seq = NEW.seq, open = NEW.to_state NOT IN ('closed', 'failed'),
        live = NEW.to_state <> 'failed'
    WHERE attempt = NEW.attempt;
    IF NEW.to_state = 'failed' THEN
        INSERT INTO prov.label_event (label, kind)
        SELECT held.label, 'dead' FROM prov.label AS held WHERE held.attempt = NEW.attempt AND held.live;
        INSERT INTO prov.revocation (attempt)
        SELECT issued.attempt FROM prov.certificate AS issued WHERE issued.attempt = NEW.attempt;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER take_step AFTER INSERT ON prov.step FOR EACH ROW EXECUTE FUNCTION prov.take_step();

SELECT prov.make_append_only(guarded::regclass)
FROM unnest(ARRAY['prov.credential', 'prov.certificate', 'prov.receipt', 'prov.revocation', 'prov.evidence',
                  'prov.failure', 'prov.label_event', 'prov.scan']) AS guarded;

RESET ROLE;
