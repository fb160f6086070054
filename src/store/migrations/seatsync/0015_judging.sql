-- What a judgement of every seat looks up beforehand: the last use of anybody, and open candidates in
-- the order of their numbers.
CREATE INDEX subscriptions_used ON subscriptions (profile_id, last_hosted_day)
    WHERE last_hosted_day IS NOT NULL;
CREATE INDEX candidates_open ON candidates (profile_id, id) WHERE closed_at IS NULL;
