-- Two more faults with which nothing was sent to the printer: 621, another printer answers, and 622, it cannot print such
-- labels (base/fault.def: 600 to 605 and 614 to 622).
SET ROLE prov_owner;

CREATE OR REPLACE FUNCTION prov.label_was_not_sent(of_attempt uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM prov.failure
                   WHERE attempt = of_attempt AND (number BETWEEN 600 AND 605 OR number BETWEEN 614 AND 622))
$$;

RESET ROLE;
