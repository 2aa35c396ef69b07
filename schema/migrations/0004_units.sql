-- Units, attempts at them, and the steps of an attempt. An illegal history cannot be written down: each step names the
-- step before it and a transition that exists, and the state of an attempt moves only with a step.
SET ROLE prov_owner;

CREATE TABLE audit.head (
    station_id integer CONSTRAINT head_pkey PRIMARY KEY REFERENCES prov.station,
    seq bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT '\x'
) WITH (fillfactor = 20);

-- A board is one unit for ever: its hardware id is here once.
CREATE TABLE prov.unit (
    unit_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT unit_pkey PRIMARY KEY,
    serial text NOT NULL CONSTRAINT unit_serial UNIQUE,
    product_code text NOT NULL,
    order_id bigint NOT NULL,
    hardware_id bytea NOT NULL CONSTRAINT unit_hardware UNIQUE
        CONSTRAINT unit_hardware_size CHECK (octet_length(hardware_id) BETWEEN 4 AND 64),
    serial_number bigint NOT NULL CONSTRAINT unit_serial_number UNIQUE,
    serial_lease bigint NOT NULL,
    serial_block integer NOT NULL DEFAULT 1 CONSTRAINT unit_serial_block CHECK (serial_block = 1),
    mac_base bigint NOT NULL CONSTRAINT unit_mac UNIQUE,
    mac_count integer NOT NULL,
    mac_lease bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT unit_order FOREIGN KEY (order_id, product_code) REFERENCES prov.work_order (order_id, product_code),
    CONSTRAINT unit_serial_lease FOREIGN KEY (serial_lease, serial_block) REFERENCES prov.lease (lease_id, block),
    CONSTRAINT unit_mac_lease FOREIGN KEY (mac_lease, mac_count) REFERENCES prov.lease (lease_id, block),
    CONSTRAINT unit_board UNIQUE (unit_id, hardware_id),
    CONSTRAINT unit_serial_body CHECK (left(serial, 11) = product_code || prov.base32(serial_number, 9)),
    CONSTRAINT unit_serial_check CHECK (length(serial) = 12
                                        AND prov.check_character(left(serial, 11)) = right(serial, 1)),
    CONSTRAINT unit_mac_aligned CHECK (mac_base % mac_count = 0)
);
CREATE INDEX unit_by_order ON prov.unit (order_id);

-- A unit uses one of its order's authorised quantity, and numbers that its leases have handed out.
CREATE FUNCTION prov.check_unit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.lease AS held
    WHERE (held.lease_id = NEW.serial_lease AND held.kind = 'serial'
           AND NEW.serial_number >= lower(held.numbers) AND NEW.serial_number < held.next)
       OR (held.lease_id = NEW.mac_lease AND held.kind = 'mac'
           AND NEW.mac_base >= lower(held.numbers) AND NEW.mac_base + NEW.mac_count <= held.next)
    HAVING count(*) = 2;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the numbers of a unit come from its leases' USING ERRCODE = '23514';
    END IF;
    PERFORM FROM prov.number_void AS void
    WHERE (void.lease_id, void.number) IN ((NEW.serial_lease, NEW.serial_number), (NEW.mac_lease, NEW.mac_base));
    IF FOUND THEN
        RAISE EXCEPTION 'a voided number is no unit''s' USING ERRCODE = '23514';
    END IF;
    UPDATE prov.work_order SET reserved = reserved + 1 WHERE order_id = NEW.order_id AND open;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the order of a unit must be open' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.unit FOR EACH ROW EXECUTE FUNCTION prov.check_unit();

CREATE FUNCTION prov.check_void() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.lease AS held
    WHERE held.lease_id = NEW.lease_id AND NEW.number >= lower(held.numbers) AND NEW.number < held.next
      AND NEW.number % held.block = 0
      AND NOT EXISTS (SELECT FROM prov.unit AS used
                      WHERE (held.kind = 'serial' AND used.serial_number = NEW.number)
                         OR (held.kind = 'mac' AND used.mac_base = NEW.number));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only a number that was taken and is no unit''s can be voided' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.number_void FOR EACH ROW EXECUTE FUNCTION prov.check_void();

CREATE TABLE prov.scrap (
    unit_id bigint CONSTRAINT scrap_pkey PRIMARY KEY REFERENCES prov.unit,
    reason text NOT NULL CONSTRAINT scrap_reason CHECK (length(reason) BETWEEN 1 AND 256),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user
);

-- `open`, `live` and `state` change in place and carry the indexes that keep one board, one slot and one unit apart;
-- predicates on booleans let most of those updates stay within their page (HOT).
CREATE TABLE prov.attempt (
    attempt uuid CONSTRAINT attempt_pkey PRIMARY KEY,
    unit_id bigint NOT NULL,
    number integer NOT NULL CONSTRAINT attempt_first CHECK (number >= 1),
    station_id integer NOT NULL,
    slot integer NOT NULL,
    badge text NOT NULL CONSTRAINT attempt_badge CHECK (badge ~ '^[\x21-\x7e]{1,32}$'),
    hardware_id bytea NOT NULL,
    firmware_version text NOT NULL CONSTRAINT attempt_firmware CHECK (length(firmware_version) <= 64),
    firmware_sha256 bytea NOT NULL CONSTRAINT attempt_firmware_sha256 CHECK (octet_length(firmware_sha256) = 32),
    product_sha256 bytea NOT NULL CONSTRAINT attempt_product_sha256 CHECK (octet_length(product_sha256) = 32),
    interrupted boolean NOT NULL, -- it began by failing the one before, found unfinished
    request_sha256 bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'reserved',
    open boolean NOT NULL DEFAULT true,
    live boolean NOT NULL DEFAULT true, -- open or closed, that is, not failed
    last_seq integer NOT NULL DEFAULT 0,
    CONSTRAINT attempt_board FOREIGN KEY (unit_id, hardware_id) REFERENCES prov.unit (unit_id, hardware_id),
    CONSTRAINT attempt_slot FOREIGN KEY (station_id, slot) REFERENCES prov.slot (station_id, slot),
    CONSTRAINT attempt_number UNIQUE (unit_id, number),
    CONSTRAINT attempt_unit UNIQUE (attempt, unit_id),
    CONSTRAINT attempt_station UNIQUE (attempt, station_id),
    CONSTRAINT attempt_state CHECK (open = (state NOT IN ('closed', 'failed')) AND live = (state <> 'failed'))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX attempt_one_open_per_unit ON prov.attempt (unit_id) WHERE open;
CREATE UNIQUE INDEX attempt_one_open_per_slot ON prov.attempt (station_id, slot) WHERE open;
CREATE UNIQUE INDEX attempt_one_live_per_board ON prov.attempt (hardware_id) WHERE live;
CREATE UNIQUE INDEX attempt_one_closed_per_unit ON prov.attempt (unit_id) WHERE live AND NOT open;

CREATE TABLE prov.transition (
    from_state text NOT NULL,
    to_state text NOT NULL,
    CONSTRAINT transition_pkey PRIMARY KEY (from_state, to_state)
);
INSERT INTO prov.transition VALUES
    ('reserved', 'injecting'), ('injecting', 'injected'), ('injected', 'verified'), ('verified', 'labelling'),
    ('labelling', 'labelled'), ('labelled', 'labelling'), ('labelled', 'scanned'), ('scanned', 'closed'),
    ('reserved', 'failed'), ('injecting', 'failed'), ('injected', 'failed'), ('verified', 'failed'),
    ('labelling', 'failed'), ('labelled', 'failed'), ('scanned', 'failed');

-- The steps of a station are one hash chain: each row covers the row before it and the SHA-256 of its whole request.
CREATE TABLE prov.step (
    attempt uuid NOT NULL,
    seq integer NOT NULL,
    prev_seq integer,
    from_state text,
    to_state text NOT NULL,
    station_id integer NOT NULL,
    request_sha256 bytea NOT NULL CONSTRAINT step_request CHECK (octet_length(request_sha256) = 32),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    chain_seq bigint NOT NULL,
    chain_prev bytea NOT NULL,
    chain_hash bytea NOT NULL,
    CONSTRAINT step_pkey PRIMARY KEY (attempt, seq),
    CONSTRAINT step_state UNIQUE (attempt, seq, to_state),
    CONSTRAINT step_attempt FOREIGN KEY (attempt, station_id) REFERENCES prov.attempt (attempt, station_id),
    CONSTRAINT step_before FOREIGN KEY (attempt, prev_seq, from_state) REFERENCES prov.step (attempt, seq, to_state),
    CONSTRAINT step_transition FOREIGN KEY (from_state, to_state) REFERENCES prov.transition,
    CONSTRAINT step_order CHECK (
        (seq = 0 AND prev_seq IS NULL AND from_state IS NULL AND to_state = 'reserved')
        OR (seq > 0 AND prev_seq IS NOT NULL AND prev_seq = seq - 1 AND from_state IS NOT NULL)),
    CONSTRAINT step_chain UNIQUE (station_id, chain_seq),
    CONSTRAINT step_chain_hash CHECK (
        chain_hash = sha256(int4send(station_id) || int8send(chain_seq) || int4send(octet_length(chain_prev))
                            || chain_prev || uuid_send(attempt) || int4send(seq)
                            || convert_to(to_state, 'UTF8') || timestamptz_send(at) || request_sha256))
);

CREATE FUNCTION prov.check_attempt() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state <> 'reserved' OR NEW.last_seq <> 0
       OR NEW.number <> 1 + (SELECT count(*) FROM prov.attempt AS before WHERE before.unit_id = NEW.unit_id)
       OR EXISTS (SELECT FROM prov.scrap WHERE unit_id = NEW.unit_id) THEN
        RAISE EXCEPTION 'an attempt begins reserved, is the next one, and not at scrap' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.attempt FOR EACH ROW EXECUTE FUNCTION prov.check_attempt();

CREATE FUNCTION prov.begin_steps() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO prov.step (attempt, seq, to_state, station_id, request_sha256)
    VALUES (NEW.attempt, 0, 'reserved', NEW.station_id, NEW.request_sha256);
    RETURN NULL;
END
$$;
CREATE TRIGGER first_step AFTER INSERT ON prov.attempt FOR EACH ROW EXECUTE FUNCTION prov.begin_steps();

-- The only change an attempt may see is to the state of the step that was just written.
CREATE FUNCTION prov.guard_attempt() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (NEW.attempt, NEW.unit_id, NEW.number, NEW.station_id, NEW.slot, NEW.badge, NEW.hardware_id,
           NEW.firmware_version, NEW.firmware_sha256, NEW.product_sha256, NEW.interrupted, NEW.request_sha256, NEW.at)
          IS DISTINCT FROM
          (OLD.attempt, OLD.unit_id, OLD.number, OLD.station_id, OLD.slot, OLD.badge, OLD.hardware_id,
           OLD.firmware_version, OLD.firmware_sha256, OLD.product_sha256, OLD.interrupted, OLD.request_sha256, OLD.at)
       OR NEW.last_seq <> OLD.last_seq + 1
       OR NOT EXISTS (SELECT FROM prov.step AS written
                      WHERE written.attempt = NEW.attempt AND written.seq = NEW.last_seq
                        AND written.to_state = NEW.state) THEN
        RAISE EXCEPTION 'an attempt moves by its steps only' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON prov.attempt FOR EACH ROW EXECUTE FUNCTION prov.guard_attempt();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON prov.attempt
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

CREATE FUNCTION prov.check_scrap() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM prov.attempt WHERE unit_id = NEW.unit_id AND live) THEN
        RAISE EXCEPTION 'only a unit whose attempts have all failed is scrapped' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.scrap FOR EACH ROW EXECUTE FUNCTION prov.check_scrap();

-- Links a step into its station's chain. The head's row stays locked until the commit.
CREATE FUNCTION prov.chain_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head audit.head;
BEGIN
    SELECT * INTO STRICT head FROM audit.head WHERE station_id = NEW.station_id FOR NO KEY UPDATE;
    NEW.chain_seq := head.seq + 1;
    NEW.chain_prev := head.hash;
    NEW.chain_hash := sha256(int4send(NEW.station_id) || int8send(NEW.chain_seq)
                             || int4send(octet_length(NEW.chain_prev)) || NEW.chain_prev || uuid_send(NEW.attempt)
                             || int4send(NEW.seq) || convert_to(NEW.to_state, 'UTF8') || timestamptz_send(NEW.at)
                             || NEW.request_sha256);
    UPDATE audit.head SET seq = NEW.chain_seq, hash = NEW.chain_hash WHERE station_id = NEW.station_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER chain BEFORE INSERT ON prov.step FOR EACH ROW EXECUTE FUNCTION prov.chain_step();

CREATE FUNCTION prov.guard_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.station_id <> OLD.station_id OR NEW.seq <> OLD.seq + 1 THEN
        RAISE EXCEPTION 'the head of a chain only moves forward' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON audit.head FOR EACH ROW EXECUTE FUNCTION prov.guard_head();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON audit.head
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

CREATE FUNCTION prov.open_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO audit.head (station_id) VALUES (NEW.station_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER open_chain AFTER INSERT ON prov.station FOR EACH ROW EXECUTE FUNCTION prov.open_chain();

-- One row for each request that was asked again and answered with yes. Writing it makes the answer wait for the same
-- commit, and the same standby, as the first time.
CREATE TABLE prov.resolve (
    resolve_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT resolve_pkey PRIMARY KEY,
    attempt uuid REFERENCES prov.attempt,
    request text NOT NULL CONSTRAINT resolve_request CHECK (length(request) <= 128),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user
);

SELECT prov.make_append_only(guarded::regclass)
FROM unnest(ARRAY['prov.unit', 'prov.scrap', 'prov.transition', 'prov.step', 'prov.resolve']) AS guarded;

RESET ROLE;
