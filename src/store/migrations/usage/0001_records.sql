-- One row per usage record, ordered by its key: an agent's batch is about one configuration item,
-- so its rows lie side by side. Ids are 16 bytes, a third of their text. `period` is
-- year * 100 + month for total_usage, 0 for last_used_date. `key_user` is empty unless the settings
-- make the user part of the key. The sysId is a digest of the key and is not stored.
CREATE TABLE usage_record (
    configuration_item BLOB    NOT NULL CHECK (length(configuration_item) = 16),
    norm_product       BLOB    NOT NULL CHECK (length(norm_product) = 16),
    period             INTEGER NOT NULL CHECK (period >= 0),
    key_user           BLOB    NOT NULL CHECK (length(key_user) IN (0, 16)),
    norm_publisher     BLOB,
    user               BLOB,
    month_used         INTEGER,
    year               INTEGER,
    usage_count        INTEGER,
    total_usage_time   INTEGER, -- seconds
    last_used_time     INTEGER, -- milliseconds since 1970-01-01 UTC, as the two below
    discovery_source   TEXT,
    usage_type         TEXT,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    PRIMARY KEY (configuration_item, norm_product, period, key_user)
) STRICT, WITHOUT ROWID;
