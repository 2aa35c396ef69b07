-- A station keeps the head of its own chain outside the database as well. It asks before each unit and after each commit
-- whether the record still has it: a record that was put back, or a standby that had lost commits, is found at once.
SET ROLE prov_owner;

-- `known_seq` 0: the station knows of no step yet. The hash is in hex, '' where there is no step.
CREATE FUNCTION api.station_head(known_seq bigint, known_hash text, OUT seq bigint, OUT hash text, OUT holds boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me integer := (SELECT station_id FROM prov.station WHERE login = session_user);
BEGIN
    IF me IS NULL THEN
        PERFORM prov.refuse(407, 'this login is no station''s');
    END IF;
    SELECT tip.seq, encode(tip.hash, 'hex') INTO STRICT seq, hash FROM audit.head AS tip WHERE tip.station_id = me;
    holds := known_seq = 0
             OR (known_seq <= seq
                 AND EXISTS (SELECT FROM prov.step AS known
                             WHERE known.station_id = me AND known.chain_seq = known_seq
                                   AND known.chain_hash = decode(known_hash, 'hex')));
END
$$;

GRANT EXECUTE ON FUNCTION api.station_head TO kokuin_station;

RESET ROLE;
