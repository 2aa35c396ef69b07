-- Closing a shift twice is closing it once: where the station has recorded no label since the shift before ended, the
-- answer is that shift's own row, and nothing is written.
SET ROLE prov_owner;

DROP FUNCTION api.shift_close(text, text);

-- Takes the station's chain head first, like every request of the station itself: nothing of it is half done meanwhile.
CREATE FUNCTION api.shift_close(of_station text, closing_badge text)
RETURNS TABLE (made bigint, printed bigint, live bigint, voided bigint, dead bigint, in_work bigint, not_sent bigint,
               unconfirmed bigint, again boolean)
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
    IF NOT EXISTS (SELECT FROM prov.shift_labels(wanted, began)) THEN
        RETURN QUERY
        SELECT ended.made, ended.printed, ended.live, ended.voided, ended.dead, 0::bigint, ended.not_sent,
               ended.unconfirmed, true
        FROM prov.shift AS ended WHERE ended.station_id = wanted AND ended.until = began;
        IF FOUND THEN
            RETURN;
        END IF;
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
              ended.unconfirmed, false;
END
$$;

REVOKE EXECUTE ON FUNCTION api.shift_close FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.shift_close TO kokuin_planner;

RESET ROLE;
