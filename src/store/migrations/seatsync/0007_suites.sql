-- What the last call for a user told of the base seat: that it is one of a suite. Walks go on telling
-- `base`; the subscription is one of `suite`.
ALTER TABLE user_checks ADD COLUMN base TEXT;
ALTER TABLE user_checks ADD COLUMN suite TEXT;
CREATE INDEX user_checks_suite ON user_checks (profile_id) WHERE suite IS NOT NULL;
