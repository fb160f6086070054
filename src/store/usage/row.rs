//! How a record stands in a row. Used by the files beside this one.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use crate::store::column::At;
use crate::usage::{Key, Period, Reference, Values};

impl ToSql for Reference {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Reference {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| FromSqlError::InvalidBlobSize {
                expected_size: 16,
                blob_size: bytes.len(),
            })
    }
}

/// The user's part of a key as it is stored: empty where there is none.
pub(super) fn key_user(key: &Key) -> &[u8] {
    key.user.as_ref().map_or(&[], |user| &user.0)
}

/// Nine columns from `first`, in the order of the table.
pub(super) fn values(row: &Row<'_>, first: usize) -> rusqlite::Result<Values> {
    let text = |at: usize| -> rusqlite::Result<Option<Box<str>>> {
        Ok(row.get_ref(first + at)?.as_str_or_null()?.map(Box::from))
    };
    Ok(Values {
        norm_publisher: row.get(first)?,
        user: row.get(first + 1)?,
        month_used: row.get(first + 2)?,
        year: row.get(first + 3)?,
        usage_count: row.get(first + 4)?,
        total_usage_time: row.get(first + 5)?,
        last_used_time: row.get::<_, Option<At>>(first + 6)?.map(|At(time)| time),
        discovery_source: text(7)?,
        usage_type: text(8)?,
    })
}

/// The first four columns of the table.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let user = row.get_ref(3)?;
    Ok(Key {
        configuration_item: row.get(0)?,
        norm_product: row.get(1)?,
        period: Period::from_number(row.get(2)?),
        user: if user.as_blob()?.is_empty() {
            None
        } else {
            Some(Reference::column_result(user)?)
        },
    })
}

/// A count.
pub(super) fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::unsigned_abs)
}
