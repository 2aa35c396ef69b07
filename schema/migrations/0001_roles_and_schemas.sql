-- Who may do what. Owners and groups cannot log in; each station and each person gets a login that is a member of one
-- group (0008). Programs may execute functions of schema api and nothing else; auditors may read besides.

-- Roles belong to the whole cluster, so another database of it may have made them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['prov_owner', 'prov_vault', 'kokuin_station', 'kokuin_auditor', 'kokuin_planner']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END
$$;

-- Temporary tables would let a login put its own objects in front of ours.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO kokuin_station, kokuin_auditor, kokuin_planner',
                   current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE SCHEMA prov AUTHORIZATION prov_owner;
CREATE SCHEMA api AUTHORIZATION prov_owner;
CREATE SCHEMA audit AUTHORIZATION prov_owner;
CREATE SCHEMA vault AUTHORIZATION prov_vault;

GRANT USAGE ON SCHEMA api TO kokuin_station, kokuin_auditor, kokuin_planner;
GRANT USAGE ON SCHEMA prov, audit TO kokuin_auditor;
GRANT USAGE ON SCHEMA prov TO prov_vault;
GRANT USAGE ON SCHEMA vault TO prov_owner;

ALTER DEFAULT PRIVILEGES FOR ROLE prov_owner, prov_vault REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Whether replication is synchronous is asked at every log-in (api.session), and is told to monitors only.
GRANT pg_read_all_stats TO prov_owner;
GRANT USAGE ON SCHEMA public TO prov_owner;
GRANT SELECT ON public.schema_version TO prov_owner, kokuin_auditor;

SET ROLE prov_owner;

-- On every append-only table: nobody rewrites history, the owner included.
CREATE FUNCTION prov.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = '23001';
END
$$;
GRANT EXECUTE ON FUNCTION prov.refuse_change() TO prov_vault;

-- A fault of base/fault.def, raised with its stable number: SQLSTATE KK408 is fault 408.
CREATE FUNCTION prov.refuse(fault integer, why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%', why USING ERRCODE = 'KK' || lpad(fault::text, 3, '0');
END
$$;

-- SHA-256 over values, each behind its length, so that no two lists of values run together into one.
CREATE FUNCTION prov.digest(VARIADIC parts bytea[]) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(string_agg(CASE WHEN part IS NULL THEN int4send(-1) ELSE int4send(length(part)) || part END,
                             ''::bytea ORDER BY at))
    FROM unnest(parts) WITH ORDINALITY AS list (part, at)
$$;

CREATE FUNCTION prov.utf8(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT convert_to(value, 'UTF8')
$$;

CREATE FUNCTION prov.utc(value timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- ISO 7064 MOD 37,36; NULL when another character than 0-9 A-Z is in it. base/serial.c computes the same.
CREATE FUNCTION prov.check_character(body text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    alphabet CONSTANT text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    product integer := 36;
    value integer;
    total integer;
BEGIN
    FOR i IN 1..length(body) LOOP
        value := strpos(alphabet, substr(body, i, 1)) - 1;
        IF value < 0 THEN
            RETURN NULL;
        END IF;
        total := (product + value) % 36;
        IF total = 0 THEN
            total := 36;
        END IF;
        product := 2 * total % 37;
    END LOOP;
    RETURN substr(alphabet, (37 - product) % 36 + 1, 1);
END
$$;

-- GS1: fourteen digits, weights 3 and 1, sum divisible by ten.
CREATE FUNCTION prov.gtin_is_valid(gtin text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT gtin ~ '^[0-9]{14}$'
       AND (SELECT sum((ascii(substr(gtin, i, 1)) - 48) * CASE i % 2 WHEN 1 THEN 3 ELSE 1 END) % 10 = 0
            FROM generate_series(1, 14) AS i)
$$;

-- Crockford's base 32 without I, L, O and U, with leading zeros.
CREATE FUNCTION prov.base32(value bigint, letters integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rest bigint := value;
    result text := '';
BEGIN
    FOR i IN 1..letters LOOP
        result := substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (rest & 31)::integer + 1, 1) || result;
        rest := rest >> 5;
    END LOOP;
    IF rest <> 0 THEN
        RAISE EXCEPTION 'number has more than % base-32 letters', letters USING ERRCODE = '22003';
    END IF;
    RETURN result;
END
$$;

CREATE FUNCTION prov.characters_are_distinct(characters text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) = count(DISTINCT letter COLLATE "C") FROM regexp_split_to_table(characters, '') AS letter
$$;

-- Puts the append-only guard on a table of the caller's.
CREATE FUNCTION prov.make_append_only(guarded regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s'
                   ' FOR EACH ROW EXECUTE FUNCTION prov.refuse_change()', guarded);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %s'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION prov.refuse_change()', guarded);
END
$$;
GRANT EXECUTE ON FUNCTION prov.make_append_only(regclass) TO prov_vault;

RESET ROLE;
