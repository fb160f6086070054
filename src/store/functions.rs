//! What statements may call beyond SQLite's own functions.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::profile::folding::folded_address;

/// Teaches a connection `folded(text)`, the address as it is compared ([`folded_address`]). SQLite's own
/// `lower` knows the letters of ASCII alone.
pub(super) fn add(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("folded", 1, flags, |call| {
        let text: Option<String> = call.get(0)?;
        Ok(text.as_deref().map(folded_address))
    })
}
