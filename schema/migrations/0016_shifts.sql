-- The end of a shift: no label of the station is at large. Each that was ever recorded is on a unit that was closed, or
-- voided with its scan, or opens nothing any more, or was surely never printed.
SET ROLE prov_owner;

-- One row for each shift that was closed. The CHECKs are the promise; the lists in api.shift_findings only explain it.
CREATE TABLE prov.shift (
    shift_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT shift_pkey PRIMARY KEY,
    station_id integer NOT NULL REFERENCES prov.station,
    badge text NOT NULL CONSTRAINT shift_badge CHECK (badge ~ '^[\x21-\x7e]{1,32}$'),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    made bigint NOT NULL,
    printed bigint NOT NULL,
    live bigint NOT NULL,
    voided bigint NOT NULL,
    dead bigint NOT NULL,
    not_sent bigint NOT NULL,
    unconfirmed bigint NOT NULL, -- settled: seen by a scanner, or their units got another password or were scrapped
    at_large bigint NOT NULL CONSTRAINT shift_at_large CHECK (at_large = 0),
    by_login name NOT NULL DEFAULT session_user,
    CONSTRAINT shift_once UNIQUE (station_id, since),
    CONSTRAINT shift_forward CHECK (until > since),
    CONSTRAINT shift_printed CHECK (printed = live + voided + dead),
    CONSTRAINT shift_made CHECK (made = printed + not_sent + unconfirmed)
);
SELECT prov.make_append_only('prov.shift');

-- When the shift before ended; a station's first one begins with the station.
CREATE FUNCTION prov.shift_began(of_station integer) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT max(until) FROM prov.shift WHERE station_id = of_station), '2000-01-01 00:00:00+00')
$$;

-- The labels of a station's shift that is not closed yet. `at_large`, in one word why nobody can say where it is:
--   unfinished     its attempt is still open: it is printed, or will be, and nobody has scanned it
--   unconfirmed    it may have come out of the printer, or not, and what it says may still open its unit
--   dead           it did come out, its attempt failed, nobody scanned it since, and what it says may still open its unit
--   contradiction  its events and its state do not agree
CREATE FUNCTION prov.shift_labels(of_station integer, after timestamptz)
RETURNS TABLE (label text, copy integer, serial text, at timestamptz, fate text, level text, at_large text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.label, held.copy, held.serial, held.at, held.fate, held.level,
           CASE WHEN held.fate IS NULL THEN 'contradiction'
                WHEN own.open THEN CASE WHEN held.fate <> 'voided' THEN 'unfinished' END
                WHEN held.fate = 'unconfirmed' AND NOT held.settled THEN 'unconfirmed'
                WHEN held.fate = 'dead'
                     AND NOT EXISTS (SELECT FROM prov.scan WHERE scan.label = held.label AND scan.at > held.ended_at)
                     AND NOT EXISTS (SELECT FROM prov.scrap WHERE scrap.unit_id = held.unit_id)
                     AND NOT EXISTS (SELECT FROM prov.attempt AS later
                                     WHERE later.unit_id = held.unit_id AND later.number > own.number
                                       AND later.state = 'closed') THEN 'dead' END
    FROM prov.label_fate AS held JOIN prov.attempt AS own USING (attempt)
    WHERE own.station_id = of_station AND held.at > after
$$;

-- Units closed in this shift without exactly one live label that was scanned; no request of ours can make one.
CREATE FUNCTION prov.shift_unlabelled(of_station integer, after timestamptz)
RETURNS TABLE (serial text, at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT unit.serial, step.at
    FROM prov.step JOIN prov.attempt USING (attempt) JOIN prov.unit USING (unit_id)
    WHERE step.to_state = 'closed' AND step.station_id = of_station AND step.at > after
      AND 1 <> (SELECT count(*) FROM prov.label_fate AS held
                WHERE held.attempt = step.attempt AND held.fate = 'live'
                  AND EXISTS (SELECT FROM prov.scan WHERE scan.matched_label = held.label))
$$;

CREATE FUNCTION prov.station_named(wanted text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_station integer := (SELECT station_id FROM prov.station WHERE name = wanted);
BEGIN
    IF found_station IS NULL THEN
        PERFORM prov.refuse(422, 'there is no such station');
    END IF;
    RETURN found_station;
END
$$;

-- Each label at large, and each unit that lacks its label.
CREATE FUNCTION api.shift_findings(of_station text)
RETURNS TABLE (finding text, serial text, label text, copy integer, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted integer := prov.station_named(of_station);
    began timestamptz := prov.shift_began(wanted);
BEGIN
    RETURN QUERY
    SELECT held.at_large, held.serial, held.label, held.copy, prov.utc(held.at)
    FROM prov.shift_labels(wanted, began) AS held WHERE held.at_large IS NOT NULL
    UNION ALL
    SELECT 'unlabelled', closed.serial, '', 0, prov.utc(closed.at) FROM prov.shift_unlabelled(wanted, began) AS closed
    ORDER BY 2, 3;
END
$$;

-- Takes the station's chain head first, like every request of the station itself: nothing of it is half done meanwhile.
CREATE FUNCTION api.shift_close(of_station text, closing_badge text)
RETURNS TABLE (made bigint, printed bigint, live bigint, voided bigint, dead bigint, in_work bigint, not_sent bigint,
               unconfirmed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted integer := prov.station_named(of_station);
    began timestamptz;
    lost bigint;
BEGIN
    PERFORM FROM audit.head WHERE station_id = wanted FOR NO KEY UPDATE;
    began := prov.shift_began(wanted);
    lost := (SELECT count(*) FROM prov.shift_labels(wanted, began) AS held WHERE held.at_large IS NOT NULL)
            + (SELECT count(*) FROM prov.shift_unlabelled(wanted, began));
    IF lost > 0 THEN
        PERFORM prov.refuse(421, format('%s of the labels of station %s cannot be accounted for', lost, of_station));
    END IF;
    RETURN QUERY
    INSERT INTO prov.shift AS ended (station_id, badge, since, until, made, printed, live, voided, dead, not_sent,
                                     unconfirmed, at_large)
    SELECT wanted, closing_badge, began, clock_timestamp(), count(*), count(held.level),
           count(*) FILTER (WHERE held.fate = 'live'), count(*) FILTER (WHERE held.fate = 'voided'),
           count(*) FILTER (WHERE held.fate = 'dead'), count(*) FILTER (WHERE held.fate = 'not_sent'),
           count(*) FILTER (WHERE held.fate = 'unconfirmed'), count(*) FILTER (WHERE held.at_large IS NOT NULL)
    FROM prov.shift_labels(wanted, began) AS held
    RETURNING ended.made, ended.printed, ended.live, ended.voided, ended.dead, 0::bigint, ended.not_sent,
              ended.unconfirmed;
END
$$;

GRANT SELECT ON prov.shift TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION prov.shift_began, prov.shift_labels, prov.shift_unlabelled TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.shift_findings TO kokuin_planner, kokuin_auditor;
GRANT EXECUTE ON FUNCTION api.shift_close TO kokuin_planner;

RESET ROLE;
