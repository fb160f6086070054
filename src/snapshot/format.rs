//! How a snapshot is written: lines of JSON. First a header, then a row a line, last a line that says how
//! many there were and what all before it hash to. docs/snapshot.md has the format for readers.

use std::io::{BufRead, Read as _, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SnapshotError;
use crate::profile::pseudonym::Pseudonyms;
use crate::settings::Guards;
use crate::store::snapshot::{self, Field, SnapshotRow};

/// The version of the format.
pub const VERSION: u32 = 1;
/// Bytes of the longest line that is read: a profile with some hundred thousand entries fits.
const LONGEST_LINE: u64 = 64 << 20;

/// What stands before the rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// The format's version; its key tells a snapshot from other files.
    pub seatsync_snapshot: u32,
    /// The version of seatsync that wrote it.
    pub program: String,
    /// The layout that its rows have.
    pub layout: usize,
    /// What was so when.
    pub made_at: Timestamp,
    /// What the daemon's settings say of plans.
    pub settings: HeaderSettings,
    /// Present where users stand under pseudonyms; by it entries of files still mean them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonyms: Option<Pseudonyms>,
}

/// What of the daemon's settings decides plans and the loading of files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeaderSettings {
    /// The zone of days and windows.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub time_zone: TimeZone,
    /// Whether anything may be written to a vendor.
    pub writes: bool,
    /// What stopped every write.
    pub stopped: Option<String>,
    /// The ceilings.
    pub guards: Guards,
    /// Where connections may go.
    pub allowed_hosts: Vec<String>,
    /// Where secret files may lie.
    pub secret_directories: Vec<std::path::PathBuf>,
    /// Whether a folder without a document is meant so.
    pub allow_empty: bool,
}

/// The part of a header that every version has.
#[derive(Debug, Deserialize)]
struct AnyHeader {
    seatsync_snapshot: u32,
    program: String,
}

/// What stands after the rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    rows: u64,
    sha256: String,
}

/// Writes a snapshot.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    hash: Sha256,
    rows: u64,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub fn begin(to: W, header: &Header) -> Result<Self, SnapshotError> {
        let mut writer = Self {
            to,
            hash: Sha256::new(),
            rows: 0,
        };
        writer.line(header)?;
        Ok(writer)
    }

    /// Appends a row.
    pub fn row(&mut self, row: &SnapshotRow) -> Result<(), SnapshotError> {
        self.rows += 1;
        self.line(&Line(row))
    }

    /// Ends it.
    pub fn end(mut self) -> Result<W, SnapshotError> {
        let trailer = Trailer {
            rows: self.rows,
            sha256: format!("{:x}", self.hash.finalize_reset()),
        };
        self.line(&trailer)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), SnapshotError> {
        let mut line = serde_json::to_vec(value).map_err(std::io::Error::from)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.to.write_all(&line)?;
        Ok(())
    }
}

/// A row as one array: the table's name, then the values.
struct Line<'a>(&'a SnapshotRow);

impl Serialize for Line<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let fields = self.0.fields();
        let mut line = serializer.serialize_seq(Some(fields.len() + 1))?;
        line.serialize_element(self.0.table())?;
        for field in fields {
            line.serialize_element(field)?;
        }
        line.end()
    }
}

/// Reads a snapshot. Nothing of it counts before [`Reader::next_row`] has said that it is whole.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    hash: Sha256,
    line: u64,
    rows: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn open(from: R) -> Result<(Header, Self), SnapshotError> {
        let mut reader = Self {
            from,
            hash: Sha256::new(),
            line: 0,
            rows: 0,
        };
        let line = reader.take_line()?.ok_or(SnapshotError::NoSnapshot)?;
        let AnyHeader {
            seatsync_snapshot: found,
            program,
        } = serde_json::from_slice(&line).map_err(|_| SnapshotError::NoSnapshot)?;
        if found != VERSION {
            return Err(SnapshotError::OtherVersion { found, program });
        }
        let header: Header =
            serde_json::from_slice(&line).map_err(|error| reader.wrong(error.to_string()))?;
        let known = snapshot::layout();
        if header.layout != known {
            return Err(SnapshotError::OtherLayout {
                found: header.layout,
                known,
                program,
            });
        }
        reader.hash.update(&line);
        Ok((header, reader))
    }

    /// The next row; `None` after the last, when the snapshot is whole and as it was written.
    pub fn next_row(&mut self) -> Result<Option<SnapshotRow>, SnapshotError> {
        let line = self.take_line()?.ok_or(SnapshotError::Cut(self.rows))?;
        if line.first() == Some(&b'{') {
            return self.end(&line).map(|()| None);
        }
        let mut fields: Vec<Field> =
            serde_json::from_slice(&line).map_err(|error| self.wrong(error.to_string()))?;
        if fields.is_empty() {
            return Err(self.wrong("a row names its table first".to_owned()));
        }
        let Field::Text(table) = fields.remove(0) else {
            return Err(self.wrong("a row names its table first".to_owned()));
        };
        let row =
            SnapshotRow::new(&table, fields).map_err(|error| self.wrong(error.to_string()))?;
        self.hash.update(&line);
        self.rows += 1;
        Ok(Some(row))
    }

    fn end(&mut self, line: &[u8]) -> Result<(), SnapshotError> {
        let trailer: Trailer =
            serde_json::from_slice(line).map_err(|error| self.wrong(error.to_string()))?;
        let found = format!("{:x}", self.hash.finalize_reset());
        if trailer.rows != self.rows || trailer.sha256 != found {
            return Err(SnapshotError::Changed);
        }
        match self.take_line()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("something follows the end".to_owned())),
        }
    }

    /// A line with its end; `None` where the file is over. One without its end was cut.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, SnapshotError> {
        let mut line = Vec::new();
        self.line += 1;
        let read = (&mut self.from)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) if u64::try_from(read).is_ok_and(|read| read >= LONGEST_LINE) => {
                Err(self.wrong(format!("it is longer than {LONGEST_LINE} bytes")))
            }
            Some(_) if self.line == 1 => Err(SnapshotError::NoSnapshot),
            Some(_) => Err(SnapshotError::Cut(self.rows)),
        }
    }

    fn wrong(&self, reason: String) -> SnapshotError {
        SnapshotError::Line {
            line: self.line,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            seatsync_snapshot: VERSION,
            program: "0.1.0".to_owned(),
            layout: snapshot::layout(),
            made_at: "2026-03-02T09:00:00Z".parse().unwrap(),
            settings: HeaderSettings {
                time_zone: TimeZone::UTC,
                writes: true,
                stopped: None,
                guards: Guards::default(),
                allowed_hosts: Vec::new(),
                secret_directories: Vec::new(),
                allow_empty: false,
            },
            pseudonyms: None,
        }
    }

    fn row() -> SnapshotRow {
        let fields = vec![Field::Integer(1), Field::Text("d\n\u{1F984}".to_owned())];
        SnapshotRow::new("matched_entries", fields).unwrap()
    }

    fn whole() -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &header()).unwrap();
        writer.row(&row()).unwrap();
        writer.row(&row()).unwrap();
        writer.end().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<SnapshotRow>, SnapshotError> {
        let (_, mut reader) = Reader::open(bytes)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(read(&whole()).unwrap(), [row(), row()]);
    }

    #[test]
    fn a_snapshot_that_is_cut_anywhere_is_never_taken_for_whole() {
        let whole = whole();
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(
                matches!(error, SnapshotError::Cut(_) | SnapshotError::NoSnapshot),
                "{length}: {error}"
            );
        }
    }

    #[test]
    fn a_changed_row_or_one_more_is_found() {
        let text = String::from_utf8(whole()).unwrap();
        let changed = text.replacen("[\"matched_entries\",1,", "[\"matched_entries\",2,", 1);
        let line = text.lines().nth(1).unwrap();
        let twice = text.replacen(line, &format!("{line}\n{line}"), 1);
        for text in [changed, twice] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(matches!(error, SnapshotError::Changed), "{error}");
        }
        let more = format!("{text}[]\n");
        assert!(
            read(more.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("follows the end")
        );
    }

    #[test]
    fn other_files_and_other_versions_are_named() {
        let later = "{\"seatsync_snapshot\":2,\"program\":\"9.0.0\",\"news\":[]}\n";
        let other_layout =
            String::from_utf8(whole())
                .unwrap()
                .replacen("\"layout\":", "\"layout\":9", 1);
        for (text, says) in [
            ("", "is no snapshot"),
            ("kind: Profile\n", "is no snapshot"),
            ("{\"a\":1}\n", "is no snapshot"),
            (later, "seatsync 9.0.0"),
            (other_layout.as_str(), "seatsync 0.1.0"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }
}
