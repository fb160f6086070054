-- Rules that do not load, each with the profiles that it may decide for, as JSON.
ALTER TABLE revisions ADD COLUMN rules_in_doubt TEXT;
