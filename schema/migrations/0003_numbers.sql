-- Serial numbers and MAC addresses: pools from the administrator, leases for the stations, blocks for the units.
--
-- A lease is a run of blocks of one size, and hands them out in order, so nothing is lost and nothing is given twice:
-- the cursor moves in the transaction that makes the unit. Pools of MAC addresses and all leases of them are multiples
-- of 32, the largest block, so that every block is aligned to its own size and two blocks cannot overlap.
SET ROLE prov_owner;

CREATE TABLE prov.pool (
    pool_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pool_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT pool_kind CHECK (kind IN ('serial', 'mac')),
    numbers int8range NOT NULL,
    next bigint NOT NULL, -- the first number that is in no lease
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT pool_bounds CHECK (NOT isempty(numbers) AND lower_inc(numbers) AND NOT upper_inc(numbers)
                                  AND lower(numbers) >= 0),
    CONSTRAINT pool_next CHECK (next BETWEEN lower(numbers) AND upper(numbers)),
    CONSTRAINT pool_serial CHECK (kind <> 'serial' OR upper(numbers) <= 1::bigint << 45),
    CONSTRAINT pool_mac CHECK (kind <> 'mac' OR (upper(numbers) <= 1::bigint << 48
                                                 AND lower(numbers) % 32 = 0 AND upper(numbers) % 32 = 0)),
    CONSTRAINT pool_pool_id_kind UNIQUE (pool_id, kind),
    CONSTRAINT pool_overlap EXCLUDE USING gist (kind WITH =, numbers WITH &&)
);

CREATE TABLE prov.lease (
    lease_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT lease_pkey PRIMARY KEY,
    pool_id integer NOT NULL,
    kind text NOT NULL,
    station_id integer NOT NULL REFERENCES prov.station,
    block integer NOT NULL CONSTRAINT lease_block CHECK (block IN (1, 2, 4, 8, 16, 32)),
    numbers int8range NOT NULL,
    next bigint NOT NULL, -- the first number that is no unit's
    open boolean NOT NULL DEFAULT true,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (pool_id, kind) REFERENCES prov.pool (pool_id, kind),
    CONSTRAINT lease_bounds CHECK (NOT isempty(numbers) AND lower_inc(numbers) AND NOT upper_inc(numbers)),
    CONSTRAINT lease_aligned CHECK (lower(numbers) % block = 0 AND upper(numbers) % block = 0 AND next % block = 0),
    CONSTRAINT lease_serial_block CHECK (kind <> 'serial' OR block = 1),
    CONSTRAINT lease_mac_bounds CHECK (kind <> 'mac' OR (lower(numbers) % 32 = 0 AND upper(numbers) % 32 = 0)),
    CONSTRAINT lease_next CHECK (next BETWEEN lower(numbers) AND upper(numbers)),
    CONSTRAINT lease_open CHECK (open = (next < upper(numbers))),
    CONSTRAINT lease_block_key UNIQUE (lease_id, block),
    CONSTRAINT lease_overlap EXCLUDE USING gist (kind WITH =, numbers WITH &&)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX lease_one_open ON prov.lease (station_id, kind, block) WHERE open;

-- Blocks that were taken from a lease and will never be a unit's, each with its reason.
CREATE TABLE prov.number_void (
    lease_id bigint NOT NULL REFERENCES prov.lease,
    number bigint NOT NULL,
    reason text NOT NULL CONSTRAINT number_void_reason CHECK (length(reason) BETWEEN 1 AND 256),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT number_void_pkey PRIMARY KEY (lease_id, number)
);

CREATE FUNCTION prov.guard_pool() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (NEW.pool_id, NEW.kind, NEW.numbers, NEW.at, NEW.by_login)
          IS DISTINCT FROM (OLD.pool_id, OLD.kind, OLD.numbers, OLD.at, OLD.by_login)
       OR NEW.next < OLD.next THEN
        RAISE EXCEPTION 'a pool only moves forward' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON prov.pool FOR EACH ROW EXECUTE FUNCTION prov.guard_pool();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON prov.pool
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

CREATE FUNCTION prov.guard_lease() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
       OR (NEW.lease_id, NEW.pool_id, NEW.kind, NEW.station_id, NEW.block, NEW.numbers, NEW.at)
          IS DISTINCT FROM (OLD.lease_id, OLD.pool_id, OLD.kind, OLD.station_id, OLD.block, OLD.numbers, OLD.at)
       OR NEW.next <> OLD.next + OLD.block THEN
        RAISE EXCEPTION 'a lease moves by one block at a time' USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON prov.lease FOR EACH ROW EXECUTE FUNCTION prov.guard_lease();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE ON prov.lease
    FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change();

-- A lease lies in its pool, in the part that no lease had before.
CREATE FUNCTION prov.check_lease() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE prov.pool SET next = upper(NEW.numbers)
    WHERE pool_id = NEW.pool_id AND next = lower(NEW.numbers) AND upper(NEW.numbers) <= upper(numbers);
    IF NOT FOUND OR NEW.next <> lower(NEW.numbers) THEN
        RAISE EXCEPTION 'a lease begins where its pool is free' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_new BEFORE INSERT ON prov.lease FOR EACH ROW EXECUTE FUNCTION prov.check_lease();

SELECT prov.make_append_only('prov.number_void');

-- The next block of a station's lease; when that is used up, of a new lease from the first pool with room.
CREATE FUNCTION prov.take_number(station integer, wanted_kind text, wanted_block integer,
                                 OUT taken_lease bigint, OUT taken bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    units_per_lease CONSTANT bigint := 256;
    source prov.pool;
BEGIN
    UPDATE prov.lease AS held SET next = held.next + held.block, open = held.next + held.block < upper(held.numbers)
    WHERE held.station_id = station AND held.kind = wanted_kind AND held.block = wanted_block AND held.open
    RETURNING held.lease_id, held.next - held.block INTO taken_lease, taken;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT * INTO source FROM prov.pool AS candidate
    WHERE candidate.kind = wanted_kind AND candidate.next < upper(candidate.numbers)
    ORDER BY candidate.pool_id LIMIT 1 FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM prov.refuse(411, format('no %s numbers are left in any pool', wanted_kind));
    END IF;
    INSERT INTO prov.lease (pool_id, kind, station_id, block, numbers, next)
    VALUES (source.pool_id, source.kind, station, wanted_block,
            int8range(source.next, least(source.next + units_per_lease * wanted_block, upper(source.numbers))),
            source.next);
    SELECT again.taken_lease, again.taken INTO taken_lease, taken
    FROM prov.take_number(station, wanted_kind, wanted_block) AS again;
END
$$;

RESET ROLE;
