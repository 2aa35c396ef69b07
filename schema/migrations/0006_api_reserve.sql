-- The functions of a station, up to a unit's reservation. Every request takes its station's chain head first, so the
-- requests of one station come one after another, and locks are always taken in the same order: head, board, order,
-- lease, pool.
SET ROLE prov_owner;

-- The station that this login is. session_user, because current_user is the owner inside these functions.
CREATE FUNCTION prov.enter() RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me integer := (SELECT station_id FROM prov.station WHERE login = session_user);
BEGIN
    IF me IS NULL THEN
        PERFORM prov.refuse(407, 'this login is no station''s');
    END IF;
    PERFORM FROM audit.head WHERE station_id = me FOR NO KEY UPDATE;
    RETURN me;
END
$$;

CREATE FUNCTION prov.settle(repeated uuid, request text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO prov.resolve (attempt, request) VALUES (repeated, request)
$$;

-- One open attempt of this station, locked.
CREATE FUNCTION prov.own_attempt(wanted uuid) RETURNS prov.attempt
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me integer := prov.enter();
    found prov.attempt;
BEGIN
    SELECT * INTO found FROM prov.attempt WHERE attempt = wanted AND station_id = me FOR NO KEY UPDATE;
    IF found.attempt IS NULL THEN
        PERFORM prov.refuse(407, 'this is no attempt of this station');
    END IF;
    RETURN found;
END
$$;

-- True when the attempt's last step was this very request: then it is settled by writing, and nothing else is done.
CREATE FUNCTION prov.is_repeated(asked prov.attempt, wanted_state text, request bytea) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.step
    WHERE attempt = asked.attempt AND seq = asked.last_seq AND to_state = wanted_state AND request_sha256 = request;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM prov.settle(asked.attempt, wanted_state);
    RETURN true;
END
$$;

-- Refuses what the step's foreign keys would refuse, in words.
CREATE FUNCTION prov.demand(asked prov.attempt, wanted_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.transition WHERE from_state = asked.state AND to_state = wanted_state;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, format('the attempt is %s and does not become %s', asked.state, wanted_state));
    END IF;
END
$$;

CREATE FUNCTION prov.step_to(moving prov.attempt, wanted_state text, request bytea) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO prov.step (attempt, seq, prev_seq, from_state, to_state, station_id, request_sha256)
    VALUES (moving.attempt, moving.last_seq + 1, moving.last_seq, moving.state, wanted_state, moving.station_id,
            request)
$$;

CREATE FUNCTION prov.fail(failing prov.attempt, fault integer, fault_name text, why text, request bytea) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO prov.failure (attempt, number, name, text) VALUES (failing.attempt, fault, fault_name, why);
    SELECT prov.step_to(failing, 'failed', request);
$$;

-- What every program asks first. `durable` is false when a commit that was acknowledged could still be lost.
CREATE FUNCTION api.session(OUT schema_version integer, OUT station text, OUT durable boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    schema_version := (SELECT max(number) FROM public.schema_version);
    station := coalesce((SELECT name FROM prov.station WHERE login = session_user), '');
    durable := current_setting('synchronous_commit') NOT IN ('off', 'local')
               AND current_setting('fsync') = 'on'
               AND current_setting('full_page_writes') = 'on'
               AND (NOT EXISTS (SELECT FROM pg_stat_replication WHERE state IN ('streaming', 'catchup'))
                    OR EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')));
END
$$;

CREATE FUNCTION api.order_get(wanted text)
RETURNS TABLE (number text, product_code text, model text, quantity integer, reserved integer, closed bigint,
               scrapped bigint, open boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT named.number, named.product_code, made.model, named.quantity, named.reserved,
           (SELECT count(*) FROM prov.unit JOIN prov.attempt AS done USING (unit_id)
            WHERE unit.order_id = named.order_id AND done.state = 'closed'),
           (SELECT count(*) FROM prov.unit JOIN prov.scrap USING (unit_id) WHERE unit.order_id = named.order_id),
           named.open
    FROM prov.work_order AS named JOIN prov.product AS made ON made.code = named.product_code
    WHERE named.number = wanted;
    IF NOT FOUND THEN
        PERFORM prov.refuse(409, 'there is no such order');
    END IF;
END
$$;

CREATE FUNCTION api.policy_register(new_id text, new_version integer, new_alphabet text, new_length integer,
                                    new_entropy double precision, new_from date, new_until date, new_review date,
                                    new_approver text, new_sha256 bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO prov.policy (id, version, alphabet, length, minimum_entropy_bits, valid_from, valid_until, review_by,
                             approver, sha256)
    VALUES (new_id, new_version, new_alphabet, new_length, new_entropy::numeric, new_from, new_until, new_review,
            new_approver, new_sha256)
    ON CONFLICT (id, version) DO NOTHING;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM FROM prov.policy WHERE id = new_id AND version = new_version AND sha256 = new_sha256;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, format('policy %s version %s is in the record with another hash', new_id,
                                        new_version));
    END IF;
    PERFORM prov.settle(NULL, format('policy %s version %s', new_id, new_version));
END
$$;

CREATE FUNCTION api.issuer_register(new_der bytea, new_token text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO prov.issuer (sha256, der, token_label) VALUES (sha256(new_der), new_der, new_token)
    ON CONFLICT (sha256) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM prov.settle(NULL, 'issuer ' || encode(sha256(new_der), 'hex'));
    END IF;
END
$$;

-- What happens to the attempt that is still open for this board: resumed (the result), or failed (NULL). A label
-- without its live row, other firmware or another product file mean that its past proofs no longer hold.
CREATE FUNCTION prov.resume(before prov.attempt, new_firmware text, new_firmware_sha256 bytea, new_product_sha256 bytea)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT before.firmware_version = new_firmware AND before.firmware_sha256 = new_firmware_sha256
       AND before.product_sha256 = new_product_sha256
       AND (before.state = 'reserved'
            OR (before.state IN ('labelled', 'scanned')
                AND EXISTS (SELECT FROM prov.label WHERE label.attempt = before.attempt AND label.live)))
$$;

CREATE FUNCTION prov.make_unit(station integer, for_order prov.work_order, board bytea) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    serial_taken record;
    mac_taken record;
    body text;
    made bigint;
BEGIN
    IF for_order.reserved >= for_order.quantity THEN
        PERFORM prov.refuse(408, format('order %s is authorised for %s units and all have a number', for_order.number,
                                        for_order.quantity));
    END IF;
    SELECT * INTO serial_taken FROM prov.take_number(station, 'serial', 1);
    SELECT * INTO mac_taken FROM prov.take_number(station, 'mac', for_order.macs_per_unit);
    body := for_order.product_code || prov.base32(serial_taken.taken, 9);
    INSERT INTO prov.unit (serial, product_code, order_id, hardware_id, serial_number, serial_lease, mac_base,
                           mac_count, mac_lease)
    VALUES (body || prov.check_character(body), for_order.product_code, for_order.order_id, board, serial_taken.taken,
            serial_taken.taken_lease, mac_taken.taken, for_order.macs_per_unit, mac_taken.taken_lease)
    RETURNING unit_id INTO made;
    RETURN made;
END
$$;

-- What a station is told about a reservation.
CREATE FUNCTION prov.reservation(told prov.attempt, told_arrival text)
RETURNS TABLE (attempt uuid, arrival text, state text, attempt_number integer, interrupted boolean, serial text,
               mac bigint, mac_count integer, label text, label_copy integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT told.attempt, told_arrival, told.state, told.number, told.interrupted AND told_arrival = 'new', unit.serial,
           unit.mac_base, unit.mac_count, coalesce(held.label, ''), coalesce(held.copy, 0)
    FROM prov.unit LEFT JOIN prov.label AS held ON held.attempt = told.attempt AND held.live
    WHERE unit.unit_id = told.unit_id
$$;

CREATE FUNCTION api.reserve(new_attempt uuid, new_slot integer, new_order text, new_badge text, board bytea,
                            new_model text, new_firmware text, new_firmware_sha256 bytea, new_product_sha256 bytea)
RETURNS TABLE (attempt uuid, arrival text, state text, attempt_number integer, interrupted boolean, serial text,
               mac bigint, mac_count integer, label text, label_copy integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me integer := prov.enter();
    request bytea := prov.digest(prov.utf8('reserve'), uuid_send(new_attempt), int4send(new_slot), prov.utf8(new_order),
                                 prov.utf8(new_badge), board, prov.utf8(new_model), prov.utf8(new_firmware),
                                 new_firmware_sha256, new_product_sha256);
    asked prov.work_order;
    asked_model text;
    board_unit prov.unit;
    before prov.attempt;
    other prov.attempt;
    begun prov.attempt;
    was_interrupted boolean := false;
BEGIN
    -- Two stations that see the same new board at once must not both make a unit of it.
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(board, 'hex'), 0));

    SELECT * INTO begun FROM prov.attempt AS known WHERE known.attempt = new_attempt;
    IF FOUND THEN
        IF begun.station_id <> me OR begun.request_sha256 <> request OR begun.state <> 'reserved' THEN
            PERFORM prov.refuse(402, 'the identifier of this attempt was used before');
        END IF;
        PERFORM prov.settle(new_attempt, 'reserve');
        RETURN QUERY SELECT * FROM prov.reservation(begun, 'new');
        RETURN;
    END IF;

    PERFORM FROM prov.slot AS known WHERE known.station_id = me AND known.slot = new_slot;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, format('this station has no slot %s', new_slot));
    END IF;
    SELECT * INTO asked FROM prov.work_order AS known WHERE known.number = new_order AND known.open FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM prov.refuse(409, 'there is no such open order');
    END IF;
    SELECT model INTO asked_model FROM prov.product WHERE code = asked.product_code;
    IF asked_model <> new_model THEN
        PERFORM prov.refuse(306, format('order %s is for model %s', asked.number, asked_model));
    END IF;

    SELECT * INTO board_unit FROM prov.unit AS known WHERE known.hardware_id = board;
    SELECT * INTO before FROM prov.attempt AS known
    WHERE known.unit_id = board_unit.unit_id ORDER BY known.number DESC LIMIT 1;
    IF EXISTS (SELECT FROM prov.scrap WHERE unit_id = board_unit.unit_id) THEN
        PERFORM prov.refuse(414, format('unit %s was scrapped', board_unit.serial));
    ELSIF before.state = 'closed' THEN
        PERFORM prov.refuse(413, format('unit %s is finished', board_unit.serial));
    ELSIF before.open AND (before.station_id <> me OR before.slot <> new_slot) THEN
        PERFORM prov.refuse(415, (SELECT format('unit %s is in work at station %s, slot %s', board_unit.serial, name,
                                                before.slot)
                                  FROM prov.station WHERE station_id = before.station_id));
    ELSIF board_unit.product_code <> asked.product_code THEN
        PERFORM prov.refuse(306, format('unit %s is of product %s', board_unit.serial, board_unit.product_code));
    END IF;

    SELECT * INTO other FROM prov.attempt AS known
    WHERE known.station_id = me AND known.slot = new_slot AND known.open
      AND known.unit_id IS DISTINCT FROM board_unit.unit_id;
    IF FOUND AND other.state <> 'reserved' THEN
        PERFORM prov.refuse(416, (SELECT format('unit %s is unfinished in this slot (%s)', left_behind.serial,
                                                other.state)
                                  FROM prov.unit AS left_behind WHERE left_behind.unit_id = other.unit_id));
    ELSIF FOUND THEN
        PERFORM prov.fail(other, 705, 'INTERRUPTED', 'another unit was put into the slot', request);
    END IF;

    IF board_unit.unit_id IS NOT NULL THEN
        PERFORM FROM prov.work_order AS own WHERE own.order_id = board_unit.order_id AND own.open;
        IF NOT FOUND THEN
            PERFORM prov.refuse(409, format('the order of unit %s is closed', board_unit.serial));
        END IF;
        IF before.open AND prov.resume(before, new_firmware, new_firmware_sha256, new_product_sha256) THEN
            PERFORM prov.settle(before.attempt, 'reserve, resumed');
            RETURN QUERY SELECT * FROM prov.reservation(before, 'resume');
            RETURN;
        ELSIF before.open THEN
            was_interrupted := before.state <> 'reserved';
            PERFORM prov.fail(before, 705, 'INTERRUPTED', format('found %s when the unit was put in again',
                                                                 before.state), request);
        END IF;
    ELSE
        board_unit.unit_id := prov.make_unit(me, asked, board);
    END IF;

    INSERT INTO prov.attempt AS made (attempt, unit_id, number, station_id, slot, badge, hardware_id, firmware_version,
                                      firmware_sha256, product_sha256, interrupted, request_sha256)
    VALUES (new_attempt, board_unit.unit_id, coalesce(before.number, 0) + 1, me, new_slot, new_badge, board,
            new_firmware, new_firmware_sha256, new_product_sha256, was_interrupted, request)
    RETURNING made.* INTO begun;
    RETURN QUERY SELECT * FROM prov.reservation(begun, 'new');
END
$$;

RESET ROLE;
