//! Forgetting a user whom records name by an id of ServiceNow: what was used, and when, stays.

use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::{Connection, Transaction, params};

use super::row;
use crate::store::error::StoreError;
use crate::usage::Reference;

/// How many records name `user`.
pub(super) fn count(snapshot: &Transaction<'_>, user: Reference) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM usage_record WHERE user = ?1 OR key_user = ?1";
    Ok(snapshot.query_row(sql, [user], |found| row::count(found, 0))?)
}

/// Takes `user` out of every record; of how many. Where the user is part of the key, one name that
/// nobody knows takes the place, so that two users of one device stay two records. The file is then
/// written anew, for free space still holds what rows were before: agents wait for that.
pub(super) fn forget(connection: &mut Connection, user: Reference) -> Result<u64, StoreError> {
    let mut nobody = Reference([0; 16]);
    SystemRandom::new()
        .fill(&mut nobody.0)
        .map_err(|_| StoreError::NoRandomness)?;
    take_out(connection, user, nobody)
        .map_err(|error| StoreError::from_sqlite("forget user in usage records", error))
}

fn take_out(
    connection: &mut Connection,
    user: Reference,
    nobody: Reference,
) -> Result<u64, rusqlite::Error> {
    let changed = connection.execute(
        "UPDATE usage_record SET user = iif(user = ?1, NULL, user),
             key_user = iif(key_user = ?1, ?2, key_user)
         WHERE user = ?1 OR key_user = ?1",
        params![user, nobody],
    )?;
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(changed as u64)
}
