-- serial|base64 of each closed unit's certificate, one line each; read by the demo as an auditor.
SELECT unit.serial, translate(encode(certificate.der, 'base64'), E'\n', '')
FROM prov.unit
JOIN prov.attempt USING (unit_id)
JOIN prov.certificate USING (attempt)
WHERE attempt.state = 'closed'
ORDER BY unit.serial;
