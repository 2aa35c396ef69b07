-- What is known before a unit comes: products, policies, stations, orders, issuers.
SET ROLE prov_owner;

CREATE TABLE prov.product (
    code text CONSTRAINT product_pkey PRIMARY KEY CONSTRAINT product_code CHECK (code ~ '^[0-9A-Z]{2}$'),
    model text NOT NULL CONSTRAINT product_model UNIQUE CHECK (length(model) BETWEEN 1 AND 32),
    gtin text NOT NULL CONSTRAINT product_gtin CHECK (prov.gtin_is_valid(gtin)),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT product_gtin_unique UNIQUE (gtin)
);

-- Units are stamped with a policy's id and version; what that meant never changes afterwards.
CREATE TABLE prov.policy (
    id text NOT NULL CONSTRAINT policy_id CHECK (id ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
    version integer NOT NULL CONSTRAINT policy_version CHECK (version >= 1),
    alphabet text NOT NULL CONSTRAINT policy_alphabet
        CHECK (alphabet ~ '^[\x21-\x7e]{2,94}$' AND prov.characters_are_distinct(alphabet)),
    length integer NOT NULL CONSTRAINT policy_length CHECK (length BETWEEN 1 AND 63),
    minimum_entropy_bits numeric NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL,
    review_by date NOT NULL,
    approver text NOT NULL CONSTRAINT policy_approver CHECK (length(approver) BETWEEN 1 AND 64),
    sha256 bytea NOT NULL CONSTRAINT policy_sha256 CHECK (octet_length(sha256) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT policy_pkey PRIMARY KEY (id, version),
    -- A millionth of a bit for the rounding of logarithms.
    CONSTRAINT policy_entropy CHECK (
        minimum_entropy_bits > 0
        AND length * log(2.0, char_length(alphabet)::numeric) >= minimum_entropy_bits - 0.000001),
    CONSTRAINT policy_validity CHECK (valid_from <= valid_until)
);

CREATE TABLE prov.station (
    station_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT station_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT station_name UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
    login name NOT NULL CONSTRAINT station_login UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE prov.slot (
    station_id integer NOT NULL REFERENCES prov.station,
    slot integer NOT NULL CONSTRAINT slot_number CHECK (slot BETWEEN 0 AND 255),
    CONSTRAINT slot_pkey PRIMARY KEY (station_id, slot)
);

-- `reserved` counts units with a number. It moves only by prov.unit's trigger, so the row's lock and this CHECK hold
-- the authorised quantity however many stations ask at once.
CREATE TABLE prov.work_order (
    order_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT work_order_pkey PRIMARY KEY,
    number text NOT NULL CONSTRAINT work_order_number UNIQUE
        CONSTRAINT work_order_number_form CHECK (number ~ '^[\x21-\x7e]{1,32}$'),
    product_code text NOT NULL REFERENCES prov.product,
    route text NOT NULL CONSTRAINT work_order_route CHECK (route IN ('unique', 'force', 'none')),
    macs_per_unit integer NOT NULL CONSTRAINT work_order_macs CHECK (macs_per_unit IN (1, 2, 4, 8, 16, 32)),
    quantity integer NOT NULL CONSTRAINT work_order_authorised CHECK (quantity >= 1),
    reserved integer NOT NULL DEFAULT 0,
    open boolean NOT NULL DEFAULT true,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opened_by name NOT NULL DEFAULT session_user,
    closed_at timestamptz,
    closed_by name,
    CONSTRAINT work_order_quantity CHECK (reserved BETWEEN 0 AND quantity),
    CONSTRAINT work_order_closed CHECK (open = (closed_at IS NULL) AND open = (closed_by IS NULL)),
    CONSTRAINT work_order_product UNIQUE (order_id, product_code)
) WITH (fillfactor = 70);

CREATE TABLE prov.order_credential (
    order_id bigint NOT NULL REFERENCES prov.work_order,
    kind text NOT NULL CONSTRAINT order_credential_kind CHECK (kind ~ '^[a-z][a-z0-9_]{0,15}$'),
    CONSTRAINT order_credential_pkey PRIMARY KEY (order_id, kind)
);

-- The closed list of what a station can observe. A new observation is a new migration.
CREATE TABLE prov.evidence_name (
    name text CONSTRAINT evidence_name_pkey PRIMARY KEY,
    meaning text NOT NULL
);
INSERT INTO prov.evidence_name VALUES
    ('credential_generated', 'a credential was drawn in the token under its policy'),
    ('credential_injected', 'the unit gave a receipt for exactly what was sent'),
    ('password_accepted', 'the unit accepts its own password'),
    ('wrong_password_refused', 'the unit refuses wrong passwords'),
    ('known_defaults_refused', 'the unit refuses every known default'),
    ('retry_limit', 'the unit slows down or locks after wrong tries'),
    ('forced_change', 'nothing works until the initial credential was changed'),
    ('no_password_login', 'no password log-in is live'),
    ('certificate_used', 'the unit came back using its new certificate'),
    ('identity_readback', 'serial and MAC addresses read back as recorded'),
    ('restart_kept', 'what was written survived a restart'),
    ('interfaces', 'only the allowed interfaces are open'),
    ('firmware_state', 'the firmware is an accepted version'),
    ('lock', 'provisioning and debug access are locked'),
    ('link_secure', 'the link was authenticated and encrypted'),
    ('policy_applied', 'the credential satisfies the policy it is stamped with');

CREATE TABLE prov.order_evidence (
    order_id bigint NOT NULL REFERENCES prov.work_order,
    name text NOT NULL CONSTRAINT order_evidence_name REFERENCES prov.evidence_name,
    CONSTRAINT order_evidence_pkey PRIMARY KEY (order_id, name)
);

CREATE TABLE prov.issuer (
    sha256 bytea CONSTRAINT issuer_pkey PRIMARY KEY,
    der bytea NOT NULL CONSTRAINT issuer_der CHECK (octet_length(der) BETWEEN 100 AND 8192),
    token_label text NOT NULL CONSTRAINT issuer_token CHECK (length(token_label) <= 64),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT issuer_sha256 CHECK (sha256 = pg_catalog.sha256(der))
);

-- An order's terms are frozen; only its count goes up and only its door closes.
CREATE FUNCTION prov.guard_order() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (NEW.order_id, NEW.number, NEW.product_code, NEW.route, NEW.macs_per_unit, NEW.quantity, NEW.opened_at,
           NEW.opened_by)
          IS DISTINCT FROM
          (OLD.order_id, OLD.number, OLD.product_code, OLD.route, OLD.macs_per_unit, OLD.quantity, OLD.opened_at,
           OLD.opened_by)
       OR (NEW.open AND NOT OLD.open)
       OR NEW.reserved NOT IN (OLD.reserved, OLD.reserved + 1)
       OR (NEW.reserved > OLD.reserved AND NOT OLD.open) THEN
        RAISE EXCEPTION 'the terms of an order cannot change' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON prov.work_order FOR EACH ROW EXECUTE FUNCTION prov.guard_order();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON prov.work_order
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

SELECT prov.make_append_only(guarded::regclass)
FROM unnest(ARRAY['prov.product', 'prov.policy', 'prov.station', 'prov.slot', 'prov.order_credential',
                  'prov.evidence_name', 'prov.order_evidence', 'prov.issuer']) AS guarded;

RESET ROLE;
