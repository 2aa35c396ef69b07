-- Who may execute what, and the administrator's three tasks: a station, a person, a block of numbers.
SET ROLE prov_owner;

GRANT EXECUTE ON FUNCTION api.session, api.order_get, api.unit_list, api.unit_show, api.summary, api.chain_check
    TO kokuin_station, kokuin_auditor, kokuin_planner;
GRANT EXECUTE ON FUNCTION api.policy_register, api.issuer_register, api.reserve, api.intent, api.injected, api.verified,
    api.labelling, api.labelled, api.label_void, api.scanned, api.close, api.fail TO kokuin_station;
GRANT EXECUTE ON FUNCTION api.unit_scrap TO kokuin_station, kokuin_planner;
GRANT EXECUTE ON FUNCTION api.order_open, api.order_close TO kokuin_planner;

-- Auditors read everything but what stands for a password. Later tables are granted by the migration that makes them.
GRANT SELECT ON ALL TABLES IN SCHEMA prov, audit TO kokuin_auditor;
REVOKE SELECT ON prov.credential FROM kokuin_auditor;
GRANT SELECT (attempt, kind, policy_id, policy_version, at) ON prov.credential TO kokuin_auditor;
GRANT EXECUTE ON FUNCTION prov.unit_state TO kokuin_auditor;

-- Makes a login that is a member of exactly this one group of ours. Not SECURITY DEFINER: only who may make roles may.
CREATE FUNCTION prov.grant_login(new_login text, granted_group text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = new_login) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', new_login);
    ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = new_login AND (rolsuper OR NOT rolcanlogin))
          OR EXISTS (SELECT FROM pg_auth_members AS membership
                     JOIN pg_roles AS member ON member.oid = membership.member
                     JOIN pg_roles AS joined ON joined.oid = membership.roleid
                     WHERE member.rolname = new_login AND joined.rolname <> granted_group) THEN
        PERFORM prov.refuse(402, format('login %s has other rights already', new_login));
    END IF;
    IF NOT pg_has_role(new_login, granted_group, 'MEMBER') THEN
        EXECUTE format('GRANT %I TO %I', granted_group, new_login);
    END IF;
END
$$;

CREATE FUNCTION prov.grant_station(new_station text, new_login text, slots integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made integer;
BEGIN
    PERFORM prov.grant_login(new_login, 'kokuin_station');
    INSERT INTO prov.station (name, login) VALUES (new_station, new_login) ON CONFLICT (name) DO NOTHING;
    SELECT station_id INTO made FROM prov.station WHERE name = new_station AND login = new_login;
    IF NOT FOUND THEN
        PERFORM prov.refuse(402, format('station %s is in the record with another login', new_station));
    END IF;
    INSERT INTO prov.slot (station_id, slot) SELECT made, number FROM generate_series(1, slots) AS number
    ON CONFLICT DO NOTHING;
END
$$;

CREATE FUNCTION prov.grant_person(person_kind text, new_login text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF person_kind NOT IN ('auditor', 'planner') THEN
        PERFORM prov.refuse(402, 'a person is an auditor or a planner');
    END IF;
    PERFORM prov.grant_login(new_login, 'kokuin_' || person_kind);
END
$$;

CREATE FUNCTION prov.add_numbers(new_kind text, first bigint, count bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM prov.pool WHERE kind = new_kind AND numbers = int8range(first, first + count);
    IF FOUND THEN
        PERFORM prov.settle(NULL, format('add_numbers %s %s %s', new_kind, first, count));
        RETURN;
    END IF;
    INSERT INTO prov.pool (kind, numbers, next) VALUES (new_kind, int8range(first, first + count), first);
END
$$;

RESET ROLE;
