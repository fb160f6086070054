-- Software models and entitlements are recorded in the words of their files, no longer below `spec`.
UPDATE documents
SET document = json_object('kind', kind, 'document',
    json_patch(document -> '$.document.spec', json_object('name', name)))
WHERE kind IN ('SoftwareModel', 'Entitlement') AND document -> '$.document.spec' IS NOT NULL;
UPDATE documents
SET document = json_set(document, '$.document.unit_cost',
    CAST(document ->> '$.document.unit_cost' AS TEXT))
WHERE kind = 'Entitlement' AND document ->> '$.document.unit_cost' IS NOT NULL;
