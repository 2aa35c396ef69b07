-- Every rule that the record holds a write against (constraints, unique indexes, triggers, NOT NULL) stands in rules.list
-- as PostgreSQL reads it back, and nothing else does. Then each one is taken away, and that must be noticed. Run by
-- test_rules, with pgTAP in a schema of its own.
SET search_path = tap, pg_catalog;
SET client_min_messages = warning; -- not what each CASCADE takes with it
SELECT no_plan();

CREATE TEMP VIEW table_of_record AS
SELECT relation.oid, format('%s.%s', space.nspname, relation.relname) AS name
FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relation.relnamespace
WHERE space.nspname IN ('api', 'prov', 'vault', 'audit', 'public') AND relation.relkind IN ('r', 'p')
      AND NOT relation.relispartition;

CREATE TEMP VIEW rule_in_force AS
SELECT place.name AS place, rule.conname::text AS rule, pg_get_constraintdef(rule.oid) AS words,
       format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', place.name, rule.conname) AS away
FROM pg_constraint AS rule JOIN table_of_record AS place ON place.oid = rule.conrelid
WHERE rule.contype <> 't'
UNION ALL
SELECT kind.oid::regtype::text, rule.conname, pg_get_constraintdef(rule.oid),
       format('ALTER DOMAIN %s DROP CONSTRAINT %I', kind.oid::regtype, rule.conname)
FROM pg_constraint AS rule JOIN pg_type AS kind ON kind.oid = rule.contypid
WHERE kind.typnamespace::regnamespace::text IN ('api', 'prov', 'vault', 'audit', 'public')
UNION ALL
SELECT place.name, guard.tgname,
       regexp_replace(pg_get_triggerdef(guard.oid), '^CREATE (CONSTRAINT )?TRIGGER \S+ ', '\1TRIGGER '),
       format('DROP TRIGGER %I ON %s', guard.tgname, place.name)
FROM pg_trigger AS guard JOIN table_of_record AS place ON place.oid = guard.tgrelid
WHERE NOT guard.tgisinternal AND guard.tgenabled IN ('O', 'A')
UNION ALL
SELECT place.name, shape.relname,
       regexp_replace(pg_get_indexdef(shape.oid), '^CREATE UNIQUE INDEX \S+ ON \S+ ', 'UNIQUE INDEX '),
       format('DROP INDEX %s', shape.oid::regclass)
FROM pg_index AS single
JOIN pg_class AS shape ON shape.oid = single.indexrelid
JOIN table_of_record AS place ON place.oid = single.indrelid
WHERE single.indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint AS rule
                      WHERE rule.conindid = single.indexrelid AND rule.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT place.name, part.attname, 'NOT NULL', format('ALTER TABLE %s ALTER %I DROP NOT NULL', place.name, part.attname)
FROM pg_attribute AS part JOIN table_of_record AS place ON place.oid = part.attrelid
WHERE part.attnum > 0 AND part.attnotnull AND NOT part.attisdropped
      AND NOT EXISTS (SELECT FROM pg_constraint AS rule
                      WHERE rule.conrelid = place.oid AND rule.contype = 'p' AND part.attnum = ANY (rule.conkey));

CREATE TEMP TABLE rule_meant (place text, rule text, words text);
\copy rule_meant FROM 'rules.list' WITH (FORMAT csv, DELIMITER E'\t', QUOTE E'\b')

SELECT set_eq('SELECT place, rule, words FROM rule_in_force', 'SELECT place, rule, words FROM rule_meant',
              'the rules in force are the rules that are meant');

-- Each in a part of a transaction that never ends well.
CREATE TEMP TABLE tried (away text);
CREATE TEMP TABLE unnoticed (away text, why text);
DO $$
DECLARE
    statement text;
    seen boolean;
BEGIN
    FOR statement IN SELECT away FROM rule_in_force LOOP
        BEGIN
            EXECUTE statement;
            seen := EXISTS (SELECT place, rule, words FROM rule_meant
                            EXCEPT SELECT place, rule, words FROM rule_in_force);
            RAISE EXCEPTION 'taken back' USING ERRCODE = 'KTEST';
        EXCEPTION
            WHEN SQLSTATE 'KTEST' THEN
                IF NOT seen THEN
                    INSERT INTO unnoticed VALUES (statement, 'nobody noticed');
                END IF;
            WHEN OTHERS THEN
                INSERT INTO unnoticed VALUES (statement, SQLERRM);
        END;
        INSERT INTO tried VALUES (statement);
    END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM unnoticed', 'each rule that is taken away is missed');
SELECT is((SELECT count(*) FROM tried), (SELECT count(*) FROM rule_meant), 'so many rules were taken away');
SELECT diag(format('%s rules', count(*))) FROM tried;

SELECT * FROM finish(true);
