-- Three more faults with which nothing was sent to the printer: 621, another printer answers, 622, it cannot print such
-- labels, and 623, the label before was not taken out of it (base/fault.def: 600 to 605 and 614 to 623).
SET ROLE prov_owner;

CREATE OR REPLACE FUNCTION prov.label_was_not_sent(of_attempt uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM prov.failure
                   WHERE attempt = of_attempt AND (number BETWEEN 600 AND 605 OR number BETWEEN 614 AND 623))
$$;

RESET ROLE;
